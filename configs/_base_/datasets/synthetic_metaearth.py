# Tiles of 64 px of the synthetic world at 64, 16 and 4 m a pixel, which
#     python tools/misc/make_synthetic.py --layout metaearth --seed 0 \
#         --num 4860 --size 64 --out data/synthetic-metaearth
# writes: 60 places, of which 48 are for training.
_base_ = './metaearth.py'

data_root = 'data/synthetic-metaearth/'
crop = dict(type='CropTile', size=64)
train_pipeline = [
    _base_.train_pipeline[0],
    crop,
    _base_.train_pipeline[3],
    # More clean ones: a condition of 16 px has little to spare.
    dict(type='RealESRGANDegradation', prob_clean=0.5),
    _base_.train_pipeline[5],
]
test_pipeline = [
    _base_.test_pipeline[0],
    dict(crop, where='centre'),
    dict(type='ReduceImage'),
    _base_.test_pipeline[4],
]
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    dataset=dict(data_root=data_root, pipeline=train_pipeline),
)
val_dataloader = dict(
    num_workers=0,
    dataset=dict(
        data_root=data_root, max_per_resolution=32, pipeline=test_pipeline
    ),
)
test_dataloader = dict(
    num_workers=0,
    dataset=dict(
        data_root=data_root, max_per_resolution=96, pipeline=test_pipeline
    ),
)
