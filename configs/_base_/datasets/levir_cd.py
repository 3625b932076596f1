# LEVIR-CD: 637 pairs of 1024 x 1024 px of 0.5 m, with masks of the buildings
# that appeared or went: data/LEVIR-CD/{train,val,test}/{A,B,label}/*.png.
# Training is on random crops, tests are on whole images.
dataset_type = 'ChangePairDataset'
data_root = 'data/LEVIR-CD/'
data_prefix = dict(
    img_a='{split}/A', img_b='{split}/B', seg_map='{split}/label'
)
metainfo = dict(
    classes=('unchanged', 'building'), palette=[(0, 0, 0), (255, 0, 0)]
)
crop_size = (256, 256)

# Of ImageNet: red, green and blue.
data_preprocessor = dict(
    type='ChangeDataPreprocessor',
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
)

train_pipeline = [
    dict(type='LoadImagePair'),
    dict(type='LoadChangeMask', threshold=128),
    dict(
        type='BiTemporal',
        transforms=[
            dict(type='mmseg.RandomRotate', prob=0.5, degree=180),
            dict(
                type='mmseg.RandomCrop',
                crop_size=crop_size,
                cat_max_ratio=0.75,
            ),
            dict(type='RandomFlip', prob=0.5, direction='horizontal'),
            dict(type='RandomFlip', prob=0.5, direction='vertical'),
        ],
    ),
    dict(
        type='BiTemporal',
        transforms=[
            dict(
                type='mmseg.PhotoMetricDistortion',
                brightness_delta=10,
                contrast_range=(0.8, 1.2),
                saturation_range=(0.8, 1.2),
                hue_delta=10,
            )
        ],
        share_random=False,
    ),
    dict(type='PackChangeInputs'),
]
test_pipeline = [
    dict(type='LoadImagePair'),
    dict(type='LoadChangeMask', threshold=128),
    dict(type='PackChangeInputs'),
]

dataset = dict(
    type=dataset_type,
    data_root=data_root,
    ann_file='',
    data_prefix=data_prefix,
    metainfo=metainfo,
)
train_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=False,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(dataset, split='train', pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(dataset, split='val', test_mode=True, pipeline=test_pipeline),
)
test_dataloader = dict(
    val_dataloader, dataset=dict(val_dataloader['dataset'], split='test')
)

val_evaluator = dict(type='ChangeMaskMetric')
test_evaluator = val_evaluator

visualizer = dict(type='ChangeVisualizer')
draw_hook = dict(type='DrawPredictionsHook')
inferencer = dict(type='ChangeInferencer')
