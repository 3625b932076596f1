# SegFormer-B1 with cross-entropy on CloudSEN12.
_base_ = [
    './_base_/segformer-b1.py',
    '../_base_/datasets/cloudsen12_l1c.py',
    './_base_/schedule_40k.py',
    '../_base_/iter_runtime.py',
]

model = dict(
    backbone=dict(in_channels=13),
    decode_head=dict(num_classes=4),
)
