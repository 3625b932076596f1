# SegFormer-B2, the large one.
_base_ = './segformer-b1.py'

model = dict(
    backbone=dict(num_layers=[3, 4, 6, 3]),
)
load_from = (
    'https://download.openmmlab.com/mmsegmentation/v0.5/pretrain/segformer/'
    'mit_b2_20220624-66e8bf70.pth'
)
