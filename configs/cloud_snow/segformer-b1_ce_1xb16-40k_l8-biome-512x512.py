# SegFormer-B1 with cross-entropy on L8 Biome.
_base_ = [
    './_base_/segformer-b1.py',
    '../_base_/datasets/l8_biome.py',
    './_base_/schedule_40k.py',
    '../_base_/iter_runtime.py',
]

model = dict(
    backbone=dict(in_channels=9),
    decode_head=dict(num_classes=4),
)
