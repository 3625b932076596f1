# The pairs of synthetic_levir_mci.py without their masks.
_base_ = './levir_cc.py'

data_root = 'data/synthetic-levir-mci/'

train_pipeline = [
    dict(type='LoadImagePair'),
    dict(
        type='FlipPair',
        prob=0.75,
        direction=['horizontal', 'vertical', 'diagonal'],
    ),
    dict(type='EncodeCaption', max_length=30),
    dict(type='PackChangeInputs'),
]
train_dataloader = dict(
    batch_size=16,
    num_workers=0,
    dataset=dict(data_root=data_root, pipeline=train_pipeline),
)
val_dataloader = dict(num_workers=0, dataset=dict(data_root=data_root))
test_dataloader = dict(num_workers=0, dataset=dict(data_root=data_root))
