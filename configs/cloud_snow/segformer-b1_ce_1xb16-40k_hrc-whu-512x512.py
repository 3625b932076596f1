# SegFormer-B1 with cross-entropy on HRC_WHU.
_base_ = [
    './_base_/segformer-b1.py',
    '../_base_/datasets/hrc_whu.py',
    './_base_/schedule_40k.py',
    '../_base_/iter_runtime.py',
]

model = dict(
    backbone=dict(in_channels=3),
    decode_head=dict(num_classes=2),
)
