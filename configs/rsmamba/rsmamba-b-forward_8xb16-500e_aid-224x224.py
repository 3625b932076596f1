# Ablation of the paper: fewer paths, and how they are merged.
_base_ = './rsmamba-b_8xb16-500e_aid-224x224.py'

model = dict(backbone=dict(path_type='forward'))
