# BIT with three stages of a ResNet-18, as in Open-CD. A config that inherits
# this names the data set.
# ImageNet; the name of a file, or one that MMEngine knows and downloads.
checkpoint = 'open-mmlab://resnet18_v1c'
model = dict(
    type='ChangeInterpreter',
    backbone=dict(
        type='mmseg.ResNetV1c',
        depth=18,
        num_stages=3,
        strides=(1, 2, 1),
        dilations=(1, 1, 1),
        out_indices=(2,),
        norm_cfg=dict(type='BN'),
        init_cfg=dict(type='Pretrained', checkpoint=checkpoint),
    ),
    mask_neck=dict(type='KeepMaps'),
    mask_head=dict(type='BITHead', in_channels=256, num_classes=2),
)
