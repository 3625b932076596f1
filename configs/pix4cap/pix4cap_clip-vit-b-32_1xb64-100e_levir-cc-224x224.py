# With CLIP ViT-B/32, which a list of the field names as Pix4Cap's backbone.
_base_ = './pix4cap_mit-b1_1xb64-100e_levir-cc-256x256.py'

channels = (192, 384, 768, 768)
model = dict(
    backbone=dict(
        _delete_=True,
        type='PyramidBackbone',
        backbone=dict(
            type='CLIPPatchBackbone', arch='vit-b-32', trainable_blocks=6
        ),
        in_channels=768,
        out_channels=channels[:2],
    ),
    caption_neck=dict(in_channels=768, level=2),
    mask_neck=dict(in_channels=768, level=2),
    mask_head=dict(in_channels=(*channels[:2], 512, channels[3])),
)
data_preprocessor = dict(
    mean=[122.7709383, 116.7460125, 104.09373615],
    std=[68.5005327, 66.6321579, 70.32316305],
)
# Bilinear resizing of whole pairs; masks keep their classes.
resize = dict(
    type='BiTemporal', transforms=[dict(type='Resize', scale=(224, 224))]
)
train_pipeline = _base_.train_pipeline
train_pipeline.insert(2, resize)
test_pipeline = _base_.test_pipeline
test_pipeline.insert(1, resize)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
