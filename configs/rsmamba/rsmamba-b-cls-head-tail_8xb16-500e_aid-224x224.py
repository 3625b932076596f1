# Ablation of the paper: class tokens instead of the mean of the patches.
_base_ = './rsmamba-b_8xb16-500e_aid-224x224.py'

model = dict(backbone=dict(cls_position='head_tail', out_type='cls_token'))
