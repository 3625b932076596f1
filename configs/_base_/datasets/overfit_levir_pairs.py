# 26 captioned pairs of LEVIR images, to be learnt by heart:
#     D=data/change_pairs
#     mkdir -p data/pairs-src/A data/pairs-src/B
#     cp $D/levir_cd/A/* $D/levir_cc/A/* $D/levir_fig/A/* data/pairs-src/A
#     cp $D/levir_cd/B/* $D/levir_cc/B/* $D/levir_fig/B/* data/pairs-src/B
#     python tools/dataset_converters/pairs_to_levir_mci.py data/pairs-src \
#         data/levir-pairs --all-in train val test \
#         --captions $D/captions_own.json $D/levir_fig/captions.json
_base_ = './levir_cc.py'

data_root = 'data/levir-pairs/'
min_count = 1
smaller = dict(
    type='BiTemporal', transforms=[dict(type='Resize', scale=(128, 128))]
)
train_pipeline = [
    dict(type='LoadImagePair'),
    smaller,
    dict(type='EncodeCaption', max_length=30, pick='first'),
    dict(type='PackChangeInputs'),
]
test_pipeline = [
    dict(type='LoadImagePair'),
    smaller,
    dict(type='PackChangeInputs'),
]
train_dataloader = dict(
    batch_size=13,
    num_workers=0,
    dataset=dict(
        _delete_=True,
        type='RepeatDataset',
        times=10,
        dataset=dict(
            type='LEVIRCCDataset',
            data_root=data_root,
            split='train',
            min_count=min_count,
            pipeline=train_pipeline,
        ),
    ),
)
subset = dict(
    data_root=data_root,
    split='train',
    min_count=min_count,
    pipeline=test_pipeline,
)
val_dataloader = dict(batch_size=26, num_workers=0, dataset=subset)
test_dataloader = dict(batch_size=26, num_workers=0, dataset=subset)
