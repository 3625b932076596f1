# Ablation of the paper: no position embedding.
_base_ = './rsmamba-b_8xb16-500e_aid-224x224.py'

model = dict(backbone=dict(pe_type='none'))
