# SegFormer-B1 with cross-entropy on GF1_WHU.
_base_ = [
    './_base_/imports.py',
    './_base_/segformer-b1.py',
    '../_base_/datasets/gf1_whu.py',
    './_base_/schedule_40k.py',
]

model = dict(
    decode_head=dict(num_classes=2),
)

# ImageNet weights of the backbone, their first layer inflated to the bands.
load_from = (
    'https://download.openmmlab.com/mmsegmentation/v0.5/pretrain/segformer/'
    'mit_b1_20220624-02e5a6a1.pth'
)
