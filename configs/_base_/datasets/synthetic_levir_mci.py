# Synthetic pairs of 64 px in the layout of LEVIR-MCI, which
#     python tools/misc/make_synthetic.py --layout levir-mci --seed 0 \
#         --num 5000 --size 64 --out data/synthetic-levir-mci
# writes: 4000 for training, 500 for validation and 500 for testing.
_base_ = './levir_mci.py'

data_root = 'data/synthetic-levir-mci/'
min_count = 5

train_pipeline = [
    dict(type='LoadImagePair'),
    dict(type='LoadChangeMask', label_map={0: 0, 128: 1, 255: 2}),
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
    dataset=dict(
        data_root=data_root, min_count=min_count, pipeline=train_pipeline
    ),
)
val_dataloader = dict(
    num_workers=0, dataset=dict(data_root=data_root, min_count=min_count)
)
test_dataloader = dict(
    num_workers=0, dataset=dict(data_root=data_root, min_count=min_count)
)
