# SegFormer-B1 with cross-entropy on GF1_WHU.
_base_ = [
    './_base_/segformer-b1.py',
    '../_base_/datasets/gf1_whu.py',
    './_base_/schedule_40k.py',
    '../_base_/iter_runtime.py',
]

model = dict(
    decode_head=dict(num_classes=2),
)
