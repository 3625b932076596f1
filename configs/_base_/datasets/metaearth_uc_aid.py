# UC Merced (0.3 m a pixel) and AID at 150 px, each image a tile with its
# reduction by four. AID's images are of 0.5 to 8 m, and here four times
# coarser; 4 m stands for all of them. The lists:
#     for name in uc_merced aid_150px; do
#         python tools/dataset_converters/split_scene_cls.py \
#             data/$name/images --split train=0.75 val=0.25 \
#             --seed 0 --out-dir data/lists/$name
#     done
_base_ = './metaearth.py'

tile = 128
images = 'data/{}/images/'
lists = 'data/lists/{}/{}.txt'
sources = dict(uc_merced=0.3, aid_150px=4.0)  # metres a pixel

train_pipeline = [
    dict(type='LoadRSImage'),
    dict(type='CropTile', size=tile),
    dict(
        type='RandomFlip',
        prob=0.75,
        direction=['horizontal', 'vertical', 'diagonal'],
    ),
    dict(type='RealESRGANDegradation', prob_clean=0.3),
    dict(type='PackGenInputs'),
]
test_pipeline = [
    dict(type='LoadRSImage'),
    dict(type='CropTile', size=tile, where='centre'),
    dict(type='ReduceImage'),
    dict(type='PackGenInputs'),
]
train_set = dict(
    _delete_=True,
    type='ConcatDataset',
    ignore_keys=['resolutions'],
    datasets=[
        dict(
            type='ResolutionPyramidDataset',
            gsd=gsd,
            ann_file=lists.format(name, 'train'),
            data_prefix=dict(img_path=images.format(name)),
            pipeline=train_pipeline,
        )
        for name, gsd in sources.items()
    ],
)
val_set = dict(
    _delete_=True,
    type='ConcatDataset',
    ignore_keys=['resolutions'],
    datasets=[
        dict(
            type='ResolutionPyramidDataset',
            gsd=gsd,
            ann_file=lists.format(name, 'val'),
            data_prefix=dict(img_path=images.format(name)),
            max_per_resolution=100,
            test_mode=True,
            pipeline=test_pipeline,
        )
        for name, gsd in sources.items()
    ],
)
train_dataloader = dict(batch_size=16, dataset=train_set)
val_dataloader = dict(batch_size=16, dataset=val_set)
test_dataloader = dict(batch_size=16, dataset=val_set)
