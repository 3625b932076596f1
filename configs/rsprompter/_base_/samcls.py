# SAM-cls: SAM draws all masks, a classifier names them.
num_classes = 10
img_size = 1024
sam_arch = 'vit_b'
sam_checkpoint = 'checkpoints/sam_vit_b_01ec64.pth'

model = dict(
    type='SAMCls',
    data_preprocessor=dict(
        type='mmdet.DetDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_mask=True,
        pad_size_divisor=img_size,  # every image is padded to this square
    ),
    segmentor=dict(
        type='RSSamModel',
        sam_arch=sam_arch,
        sam_checkpoint=sam_checkpoint,
        img_size=img_size,
    ),
    backbone=dict(
        type='mmdet.ResNet',
        depth=18,
        out_indices=(3,),
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet18'),
    ),
    feat_channels=512,
    num_classes=num_classes,
    points_per_side=32,
)
