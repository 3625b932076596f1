# The tiny preset on two CPU cores, on pictures of two public data sets:
#     OMP_NUM_THREADS=1 bash tools/dist_train.sh CONFIG 2
# configs/_base_/datasets/metaearth_uc_aid.py tells how to make the lists.
_base_ = [
    '../_base_/metaearth-tiny.py',
    '../../_base_/datasets/metaearth_uc_aid.py',
    '../../_base_/default_runtime.py',
]

tile = 64
train_pipeline = [
    dict(type='LoadRSImage'),
    dict(type='CropTile', size=tile),
    dict(
        type='RandomFlip',
        prob=0.75,
        direction=['horizontal', 'vertical', 'diagonal'],
    ),
    dict(type='RealESRGANDegradation', prob_clean=0.5),
    dict(type='PackGenInputs'),
]
test_pipeline = [
    dict(type='LoadRSImage'),
    dict(type='CropTile', size=tile, where='centre'),
    dict(type='ReduceImage'),
    dict(type='PackGenInputs'),
]
uc = dict(
    type='ResolutionPyramidDataset',
    gsd=0.3,
    data_prefix=dict(img_path='../shared/data/uc_merced/images/'),
)
aid = dict(
    type='ResolutionPyramidDataset',
    gsd=4.0,
    data_prefix=dict(img_path='../shared/data/aid_150px/images/'),
)
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    dataset=dict(
        datasets=[
            dict(
                source,
                ann_file=f'data/lists/{name}/train.txt',
                pipeline=train_pipeline,
            )
            for name, source in (('uc_merced', uc), ('aid_150px', aid))
        ]
    ),
)
held_out = dict(
    num_workers=0,
    dataset=dict(
        datasets=[
            dict(
                source,
                ann_file=f'data/lists/{name}/val.txt',
                max_per_resolution=32,
                test_mode=True,
                pipeline=test_pipeline,
            )
            for name, source in (('uc_merced', uc), ('aid_150px', aid))
        ]
    ),
)
val_dataloader = held_out
test_dataloader = held_out
default_hooks = dict(
    logger=dict(interval=20),
    checkpoint=dict(by_epoch=False, interval=200),
)
log_processor = dict(by_epoch=False)
