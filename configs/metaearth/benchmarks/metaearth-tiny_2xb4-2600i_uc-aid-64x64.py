# The tiny preset on two CPU cores, on pictures of two public data sets:
#     OMP_NUM_THREADS=1 bash tools/dist_train.sh CONFIG 2
# configs/_base_/datasets/metaearth_uc_aid.py tells how to make the lists.
_base_ = [
    '../_base_/metaearth-tiny.py',
    '../../_base_/datasets/metaearth_uc_aid.py',
    '../../_base_/default_runtime.py',
]

crop = dict(type='CropTile', size=64)
train_pipeline = [
    _base_.train_pipeline[0],
    crop,
    _base_.train_pipeline[2],
    dict(type='RealESRGANDegradation', prob_clean=0.5),
    _base_.train_pipeline[4],
]
test_pipeline = [
    _base_.test_pipeline[0],
    dict(crop, where='centre'),
    *_base_.test_pipeline[2:],
]
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    dataset=dict(
        datasets=[
            dict(source, pipeline=train_pipeline)
            for source in _base_.train_set.datasets
        ]
    ),
)
held_out = dict(
    num_workers=0,
    dataset=dict(
        datasets=[
            dict(source, max_per_resolution=32, pipeline=test_pipeline)
            for source in _base_.val_set.datasets
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
