# MCI with MiT-B1, as in the paper. A config that inherits this names the data
# set, of which model.caption_head.num_words follows.
neck = dict(dims=512, num_layers=3, heads=8, hidden=2048, position_size=16)
model = dict(
    type='ChangeInterpreter',
    # pretrained='.../mit_b1.pth' starts from ImageNet, as the authors do.
    backbone=dict(type='MiTBackbone', arch='b1', pretrained=None),
    caption_neck=dict(type='BI3CaptionNeck', **neck),
    caption_head=dict(
        type='CaptionHead',
        decoder=dict(
            type='TransformerCaptionDecoder',
            embed_dims=512,
            num_layers=1,
            heads=8,
            hidden=2048,
        ),
        num_words=468,
        max_length=41,
    ),
    mask_neck=dict(type='BI3MaskNeck', **neck),
    mask_head=dict(
        type='MCIMaskHead', in_channels=(64, 128, 320, 512), num_classes=3
    ),
    loss_balancer=dict(type='StopGradNormalize'),
)
