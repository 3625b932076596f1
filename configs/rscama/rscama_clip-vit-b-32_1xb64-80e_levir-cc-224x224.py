_base_ = [
    './_base_/rscama_clip-vit-b-32.py',
    '../_base_/datasets/levir_cc.py',
    '../_base_/schedules/adam_constant.py',
    '../_base_/default_runtime.py',
]

# As CLIP's preprocessing feeds images to a CLIP model: the shorter side resized
# to 224 px (bicubic), cropped, with CLIP's mean and std.
data_preprocessor = dict(
    mean=[122.7709383, 116.7460125, 104.09373615],
    std=[68.5005327, 66.6321579, 70.32316305],
)

to_clip = dict(
    type='BiTemporal',
    transforms=[
        dict(
            type='mmpretrain.ResizeEdge',
            scale=224,
            edge='short',
            backend='pillow',
            interpolation='bicubic',
        ),
        dict(type='CenterCrop', crop_size=224),
    ],
)
train_pipeline = [
    dict(type='LoadImagePair'),
    to_clip,
    dict(type='EncodeCaption', max_length=42),
    dict(type='PackChangeInputs'),
]
test_pipeline = [
    dict(type='LoadImagePair'),
    to_clip,
    dict(type='PackChangeInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))

default_hooks = dict(
    checkpoint=dict(save_best='caption/BLEU-4', rule='greater')
)
