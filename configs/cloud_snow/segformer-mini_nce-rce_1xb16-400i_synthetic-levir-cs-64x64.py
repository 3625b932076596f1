# Normalized with reverse cross-entropy.
_base_ = [
    './_base_/segformer-mini.py',
    '../_base_/datasets/synthetic_levir_cs.py',
    './_base_/schedule_400i.py',
]

model = dict(
    decode_head=dict(loss_decode=dict(_delete_=True, type='ActivePassiveLoss'))
)
