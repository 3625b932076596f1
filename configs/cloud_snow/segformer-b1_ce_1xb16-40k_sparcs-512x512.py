# SegFormer-B1 with cross-entropy on SPARCS.
_base_ = [
    './_base_/segformer-b1.py',
    '../_base_/datasets/sparcs.py',
    './_base_/schedule_40k.py',
    '../_base_/iter_runtime.py',
]

model = dict(
    backbone=dict(in_channels=10),
)
