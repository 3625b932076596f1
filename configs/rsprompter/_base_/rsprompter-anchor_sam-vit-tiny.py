# RSPrompter-anchor around a small SAM that trains from scratch on
# a CPU, for demos and tests: all parts, all widths reduced.
_base_ = './rsprompter-anchor.py'

img_size = 256
sam_arch = 'vit_tiny'
channels = 64

model = dict(
    data_preprocessor=dict(pad_size_divisor=img_size),
    shared_image_embedding=dict(sam_arch=sam_arch, sam_checkpoint=None),
    backbone=dict(
        sam_arch=sam_arch,
        sam_checkpoint=None,
        img_size=img_size,
        freeze_encoder=False,
    ),
    neck=dict(
        feature_aggregator=dict(sam_arch=sam_arch, out_channels=channels),
        feature_spliter=dict(in_channels=channels, out_channels=channels),
    ),
    rpn_head=dict(
        in_channels=channels,
        feat_channels=channels,
        anchor_generator=dict(scales=[4, 8]),
    ),
    roi_head=dict(
        bbox_roi_extractor=dict(
            out_channels=channels,
            finest_scale=28,
        ),
        bbox_head=dict(in_channels=channels, fc_out_channels=256),
        mask_roi_extractor=dict(
            out_channels=channels,
            finest_scale=28,
        ),
        mask_head=dict(
            mask_decoder=dict(sam_arch=sam_arch, sam_checkpoint=None),
            in_channels=channels,
            with_box_prompt=True,
            loss_dice=dict(
                type='mmdet.DiceLoss',
                use_sigmoid=True,
                activate=True,
                naive_dice=True,
                eps=1.0,
                loss_weight=3.0,
            ),
        ),
    ),
    train_cfg=dict(
        rpn_proposal=dict(nms_pre=500, max_per_img=200),
        rcnn=dict(sampler=dict(num=64)),
    ),
    test_cfg=dict(rpn=dict(nms_pre=500, max_per_img=200)),
)
