# SegFormer-B0, the small one.
_base_ = './segformer-b1.py'

model = dict(
    backbone=dict(embed_dims=32),
    decode_head=dict(in_channels=[32, 64, 160, 256]),
)
load_from = (
    'https://download.openmmlab.com/mmsegmentation/v0.5/pretrain/segformer/'
    'mit_b0_20220624-7e0fe6dd.pth'
)
