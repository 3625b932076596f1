# Fast-SCNN, the fast one. As in mmsegmentation its heads learn each class
# by itself (sigmoid).
num_bands = 4
norm_cfg = dict(type='BN', requires_grad=True, momentum=0.01)
loss = dict(
    type='mmseg.CrossEntropyLoss', use_sigmoid=True, avg_non_ignore=True
)

model = dict(
    type='mmseg.EncoderDecoder',
    backbone=dict(
        type='mmseg.FastSCNN',
        in_channels=num_bands,
        downsample_dw_channels=(32, 48),
        global_in_channels=64,
        global_block_channels=(64, 96, 128),
        global_block_strides=(2, 2, 1),
        global_out_channels=128,
        higher_in_channels=64,
        lower_in_channels=128,
        fusion_out_channels=128,
        out_indices=(0, 1, 2),
        norm_cfg=norm_cfg,
    ),
    decode_head=dict(
        type='mmseg.DepthwiseSeparableFCNHead',
        in_channels=128,
        channels=128,
        concat_input=False,
        num_classes=3,
        in_index=-1,
        norm_cfg=norm_cfg,
        loss_decode=loss,
    ),
    auxiliary_head=[
        dict(
            type='mmseg.FCNHead',
            in_channels=in_channels,
            channels=32,
            num_convs=1,
            num_classes=3,
            in_index=in_index,
            norm_cfg=norm_cfg,
            concat_input=False,
            loss_decode=dict(loss, loss_weight=0.4),
        )
        for in_channels, in_index in ((128, -2), (64, -3))
    ],
    train_cfg=dict(),
    test_cfg=dict(mode='slide', crop_size=(512, 512), stride=(341, 341)),
)
