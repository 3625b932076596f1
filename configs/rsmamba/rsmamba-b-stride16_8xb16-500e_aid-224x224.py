# Ablation of the paper: 196 tokens, of patches that do not overlap.
_base_ = './rsmamba-b_8xb16-500e_aid-224x224.py'

model = dict(backbone=dict(patch_cfg=dict(stride=16)))
