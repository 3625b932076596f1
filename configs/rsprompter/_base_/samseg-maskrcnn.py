# SAM-seg with the heads of Mask R-CNN: RSPrompter-anchor without its prompts.
_base_ = './rsprompter-anchor.py'

num_classes = 10

model = dict(
    _delete_=True,
    type='SAMSegMaskRCNN',
    data_preprocessor=_base_.model.data_preprocessor,
    backbone=_base_.model.backbone,
    neck=_base_.model.neck,
    rpn_head=dict(
        _base_.model.rpn_head,
        anchor_generator=dict(
            _base_.model.rpn_head.anchor_generator, scales=[8]
        ),
    ),
    roi_head=dict(
        type='mmdet.StandardRoIHead',
        bbox_roi_extractor=_base_.model.roi_head.bbox_roi_extractor,
        bbox_head=_base_.model.roi_head.bbox_head,
        mask_roi_extractor=_base_.model.roi_head.mask_roi_extractor,
        mask_head=dict(
            type='mmdet.FCNMaskHead',
            num_convs=4,
            in_channels=256,
            conv_out_channels=256,
            num_classes=num_classes,
            loss_mask=dict(
                type='mmdet.CrossEntropyLoss', use_mask=True, loss_weight=1.0
            ),
        ),
    ),
    train_cfg=dict(
        _base_.model.train_cfg,
        rcnn=dict(
            _base_.model.train_cfg.rcnn,
            sampler=dict(_base_.model.train_cfg.rcnn.sampler, num=512),
            mask_size=28,
        ),
    ),
    test_cfg=_base_.model.test_cfg,
)
find_unused_parameters = False
