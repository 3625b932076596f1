# SAM-det: Faster R-CNN finds boxes, a frozen SAM draws masks.
_base_ = './rsprompter-anchor.py'

img_size = 1024
sam_arch = 'vit_b'
sam_checkpoint = 'checkpoints/sam_vit_b_01ec64.pth'

model = dict(
    _delete_=True,
    type='SAMDet',
    data_preprocessor=_base_.model.data_preprocessor,
    detector=dict(
        type='mmdet.FasterRCNN',
        backbone=dict(
            type='mmdet.ResNet',
            depth=50,
            num_stages=4,
            out_indices=(0, 1, 2, 3),
            frozen_stages=1,
            norm_cfg=dict(type='BN', requires_grad=True),
            norm_eval=True,
            style='pytorch',
            init_cfg=dict(
                type='Pretrained', checkpoint='torchvision://resnet50'
            ),
        ),
        neck=dict(
            type='mmdet.FPN',
            in_channels=[256, 512, 1024, 2048],
            out_channels=256,
            num_outs=5,
        ),
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
        ),
        train_cfg=dict(
            _base_.model.train_cfg,
            rcnn=dict(
                _base_.model.train_cfg.rcnn,
                assigner=dict(
                    _base_.model.train_cfg.rcnn.assigner,
                    match_low_quality=False,
                ),
                sampler=dict(_base_.model.train_cfg.rcnn.sampler, num=512),
            ),
        ),
        test_cfg=dict(
            rpn=_base_.model.test_cfg.rpn,
            rcnn=dict(
                score_thr=0.05,
                nms=dict(type='nms', iou_threshold=0.5),
                max_per_img=100,
            ),
        ),
    ),
    segmentor=dict(
        type='RSSamModel',
        sam_arch=sam_arch,
        sam_checkpoint=sam_checkpoint,
        img_size=img_size,
    ),
)
find_unused_parameters = False
