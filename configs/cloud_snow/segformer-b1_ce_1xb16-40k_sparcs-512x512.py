# SegFormer-B1 with cross-entropy on SPARCS.
_base_ = [
    './_base_/imports.py',
    './_base_/segformer-b1.py',
    '../_base_/datasets/sparcs.py',
    './_base_/schedule_40k.py',
]

model = dict(
    backbone=dict(in_channels=10),
)

# ImageNet weights of the backbone, their first layer inflated to the bands.
load_from = (
    'https://download.openmmlab.com/mmsegmentation/v0.5/pretrain/segformer/'
    'mit_b1_20220624-02e5a6a1.pth'
)
