_base_ = './rsmamba-b_8xb16-500e_aid-224x224.py'

model = dict(backbone=dict(arch='l'), head=dict(in_channels=256))
