# LEVIR_CS: 3068 scenes of Gaofen-1 WFV for training, a tenth of them for
# validation, and 1100 for testing; background, cloud and snow. The means are
# those of its authors (257, 268, 276 and 238 of 1023); the deviations are
# round values.
#
# Training is on random crops of 512 px, at half to twice the size, turned and
# flipped, with the bands' gain and offset changed; tests are on whole images
# (in windows, if the model says so). The other data sets of clouds inherit
# this, and name their own data and statistics.
dataset_type = 'LevirCSDataset'
data_root = 'data/LEVIR_CS/'

data_preprocessor = dict(
    type='MultiBandDataPreprocessor',
    mean=[0.251, 0.262, 0.270, 0.233],
    std=[0.2, 0.2, 0.2, 0.2],
    size=(512, 512),
)

crop_size = 512

train_pipeline = [
    dict(type='LoadBands'),
    dict(type='LoadCloudMask'),
    dict(type='RandomScaleCrop', crop_size=crop_size, ratio_range=(0.5, 2.0)),
    dict(
        type='mmseg.RandomFlip',
        prob=[0.25, 0.25, 0.25],
        direction=['horizontal', 'vertical', 'diagonal'],
    ),
    dict(type='RandomRot90'),
    dict(type='BandJitter'),
    dict(type='PackCloudInputs'),
]
test_pipeline = [
    dict(type='LoadBands'),
    dict(type='LoadCloudMask'),
    dict(type='PackCloudInputs'),
]

dataset = dict(type=dataset_type, data_root=data_root)
train_dataloader = dict(
    batch_size=16,
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
    batch_size=1,
    num_workers=4,
    persistent_workers=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        dataset, split='test', test_mode=True, pipeline=test_pipeline
    ),
)

val_evaluator = dict(type='SubsetIoUMetric')
test_evaluator = [
    dict(type='SubsetIoUMetric'),
    dict(type='BoundaryTolerantIoU'),
    dict(type='CoverError'),
]
dump_metric = dict(type='DumpClassMaps')
inferencer = dict(type='CloudInferencer')
