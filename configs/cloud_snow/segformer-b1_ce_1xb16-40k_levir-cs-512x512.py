# SegFormer-B1 with cross-entropy on all images of LEVIR_CS.
_base_ = [
    './_base_/imports.py',
    './_base_/segformer-b1.py',
    '../_base_/datasets/levir_cs.py',
    './_base_/schedule_40k.py',
]

# ImageNet weights of the backbone, their first layer inflated to the bands.
load_from = (
    'https://download.openmmlab.com/mmsegmentation/v0.5/pretrain/segformer/'
    'mit_b1_20220624-02e5a6a1.pth'
)
