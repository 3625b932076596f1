# What the data sets of clouds share: training on random crops of 512 px, at
# half to twice the size, turned and flipped, with the bands' gain and offset
# changed; tests on whole images (in windows, if the model says so). A data
# set's file inherits it, and names the data and its statistics.
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

train_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=False,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(split='train', pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(split='val', test_mode=True, pipeline=test_pipeline),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(split='test', test_mode=True, pipeline=test_pipeline),
)

val_evaluator = dict(type='SubsetIoUMetric')
test_evaluator = [
    dict(type='SubsetIoUMetric'),
    dict(type='BoundaryTolerantIoU'),
    dict(type='CoverError'),
]
dump_metric = dict(type='DumpClassMaps')
inferencer = dict(type='CloudInferencer')
