# AID: 10,000 aerial images, 30 classes; RSMamba's split of 5000/5000.
# The class folders are in data_root, the lists {train,val}.txt in
# data_root/datainfo: copy datainfo/AID of the RSMamba repository there, or
# write your own with tools/dataset_converters/split_scene_cls.py.
dataset_type = 'AIDDataset'
data_root = 'data/AID/'

# Means over the training list of each image's mean and standard deviation;
# tools/dataset_converters/mean_std.py computes them for other images.
data_preprocessor = dict(
    type='mmpretrain.ClsDataPreprocessor',
    num_classes=30,
    mean=[101.02608706, 103.9996994, 93.50157708],  # red, green, blue
    std=[40.36728927, 37.11132278, 35.90649976],
    to_rgb=True,
)
bgr_mean = data_preprocessor['mean'][::-1]

train_pipeline = [
    dict(type='LoadRSImage'),
    dict(
        type='mmpretrain.RandomResizedCrop',
        scale=224,
        crop_ratio_range=(0.4, 1.0),
        backend='pillow',
        interpolation='bicubic',
    ),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='RandomFlip', prob=0.5, direction='vertical'),
    dict(
        type='AutoAugment',
        _scope_='mmpretrain',  # its policies name transforms of mmpretrain
        policies='imagenet',
        hparams=dict(
            pad_val=[round(x) for x in bgr_mean], interpolation='bicubic'
        ),
    ),
    dict(type='mmpretrain.PackInputs'),
]
test_pipeline = [
    dict(type='LoadRSImage'),
    dict(
        type='mmpretrain.ResizeEdge',
        scale=256,
        edge='short',
        backend='pillow',
        interpolation='bicubic',
    ),
    dict(type='CenterCrop', crop_size=224),
    dict(type='mmpretrain.PackInputs'),
]

train_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=False,  # seeded anew each epoch: resuming is exact
    sampler=dict(type='DefaultSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='datainfo/train.txt',
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='datainfo/val.txt',
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(type='SceneClsMetric')
test_evaluator = val_evaluator

# For tools/test.py --show-dir and browse_dataset.py.
visualizer = dict(
    type='SceneClsVisualizer', vis_backends=[dict(type='LocalVisBackend')]
)
draw_hook = dict(type='DrawPredictionsHook')

inferencer = dict(type='SceneClassificationInferencer')
