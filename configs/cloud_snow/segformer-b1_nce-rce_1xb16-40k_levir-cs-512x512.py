# Normalized with reverse cross-entropy.
_base_ = [
    './_base_/segformer-b1.py',
    '../_base_/datasets/levir_cs.py',
    './_base_/schedule_40k.py',
    '../_base_/iter_runtime.py',
]

model = dict(
    decode_head=dict(loss_decode=dict(_delete_=True, type='ActivePassiveLoss'))
)
