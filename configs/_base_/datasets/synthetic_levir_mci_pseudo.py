# The pairs of synthetic_levir_mci.py with pseudo-labels of any change for
# training, images/train/pseudo/*.png, and true masks for validation and test.
_base_ = './synthetic_levir_mci.py'

classes = dict(
    classes=('unchanged', 'changed'), palette=[(0, 0, 0), (255, 0, 0)]
)
train_pipeline = [
    dict(type='LoadImagePair'),
    dict(type='LoadPseudoMask', kind='hard', clean=False),
    dict(
        type='FlipPair',
        prob=0.75,
        direction=['horizontal', 'vertical', 'diagonal'],
    ),
    dict(type='EncodeCaption', max_length=30),
    dict(type='PackChangeInputs'),
]
test_pipeline = [
    dict(type='LoadImagePair'),
    dict(type='LoadChangeMask', label_map={0: 0, 128: 1, 255: 1}),
    dict(type='PackChangeInputs'),
]
train_dataloader = dict(
    dataset=dict(
        data_prefix=dict(seg_map=None, pseudo='images/{split}/pseudo'),
        metainfo=classes,
        pipeline=train_pipeline,
    )
)
val_dataloader = dict(dataset=dict(metainfo=classes, pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(metainfo=classes, pipeline=test_pipeline))
