# LEVIR-CC with a teacher's masks of building change beside the training
# images: images/train/pseudo/*.png, 0 and 255. Validation and test have no
# masks.
_base_ = './levir_cc.py'

train_pipeline = [
    dict(type='LoadImagePair'),
    dict(type='LoadPseudoMask', kind='hard', clean=False),
    dict(type='EncodeCaption', max_length=42),
    dict(type='PackChangeInputs'),
]
train_dataloader = dict(
    dataset=dict(
        data_prefix=dict(pseudo='images/{split}/pseudo'),
        metainfo=dict(
            classes=('unchanged', 'building'),
            palette=[(0, 0, 0), (255, 0, 0)],
        ),
        pipeline=train_pipeline,
    )
)
