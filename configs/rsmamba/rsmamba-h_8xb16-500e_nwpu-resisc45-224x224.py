_base_ = './rsmamba-b_8xb16-500e_nwpu-resisc45-224x224.py'

model = dict(backbone=dict(arch='h'), head=dict(in_channels=320))
