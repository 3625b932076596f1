# SegFormer-B1.
num_bands = 4
norm_cfg = dict(type='BN', requires_grad=True)

model = dict(
    type='mmseg.EncoderDecoder',
    backbone=dict(
        type='mmseg.MixVisionTransformer',
        in_channels=num_bands,
        embed_dims=64,
        num_stages=4,
        num_layers=[2, 2, 2, 2],
        num_heads=[1, 2, 5, 8],
        patch_sizes=[7, 3, 3, 3],
        sr_ratios=[8, 4, 2, 1],
        mlp_ratio=4,
        qkv_bias=True,
        drop_path_rate=0.1,
    ),
    decode_head=dict(
        type='mmseg.SegformerHead',
        in_channels=[64, 128, 320, 512],
        in_index=[0, 1, 2, 3],
        channels=256,
        dropout_ratio=0.1,
        num_classes=3,
        norm_cfg=norm_cfg,
        loss_decode=dict(type='mmseg.CrossEntropyLoss', avg_non_ignore=True),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='slide', crop_size=(512, 512), stride=(341, 341)),
)

# ImageNet weights of the backbone, their first layer inflated to the bands.
load_from = (
    'https://download.openmmlab.com/mmsegmentation/v0.5/pretrain/segformer/'
    'mit_b1_20220624-02e5a6a1.pth'
)
