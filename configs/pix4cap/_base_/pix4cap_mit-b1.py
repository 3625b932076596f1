# Pix4Cap with MiT-B1; the paper does not name its backbone. A config that
# inherits this names the data set, of which model.caption_head.num_words
# follows.
model = dict(
    type='Pix4Cap',
    # pretrained='.../mit_b1.pth' starts from ImageNet.
    backbone=dict(type='MiTBackbone', arch='b1', pretrained=None),
    caption_neck=dict(
        type='CrossDateCaptionNeck', dims=512, num_layers=3, position_size=16
    ),
    caption_head=dict(
        type='CaptionHead',
        decoder=dict(
            type='TransformerCaptionDecoder',
            embed_dims=512,
            num_layers=1,
            heads=8,
            hidden=2048,
        ),
        num_words=501,
        max_length=42,
    ),
    mask_neck=dict(type='CrossDateMaskNeck', dims=512, num_layers=1),
    mask_head=dict(
        type='BTFMaskHead',
        in_channels=(64, 128, 320, 512),
        num_classes=2,
        dims=128,
    ),
    sfa=dict(type='PerDateSFA', dims=512, change_channels=512),
    loss_balancer=dict(type='SumLosses'),
)
