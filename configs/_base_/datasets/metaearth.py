# Tiles of 256 px at 64, 16 and 4 m a pixel. The paper's 3.1 million are not
# public: put your own, split by location, in
#     data/metaearth/{train,val,test}/{r64,r16,r4}/*.png
# All resolutions are drawn equally often (ours).
data_root = 'data/metaearth/'
tile = 256

train_pipeline = [
    dict(type='LoadRSImage'),
    dict(type='ReduceResolution'),
    dict(type='CropTile', size=tile),
    dict(
        type='RandomFlip',
        prob=0.75,
        direction=['horizontal', 'vertical', 'diagonal'],
    ),
    dict(type='RealESRGANDegradation'),
    dict(type='PackGenInputs'),
]
# Conditions of another seed than chance: the same in every validation.
test_pipeline = [
    dict(type='LoadRSImage'),
    dict(type='ReduceResolution'),
    dict(type='CropTile', size=tile, where='centre'),
    dict(type='RealESRGANDegradation', prob_clean=0.0, seed=0),
    dict(type='PackGenInputs'),
]

train_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=False,  # seeded anew each epoch: resuming is exact
    drop_last=True,
    sampler=dict(type='UniformResolutionSampler'),
    dataset=dict(
        type='ResolutionPyramidDataset',
        data_root=data_root,
        split='train',
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ResolutionPyramidDataset',
        data_root=data_root,
        split='val',
        max_per_resolution=200,
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
# FID needs 10,000 images.
test_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ResolutionPyramidDataset',
        data_root=data_root,
        split='test',
        max_per_resolution=10000,
        test_mode=True,
        pipeline=test_pipeline,
    ),
)

# FID needs torch-fidelity's weights-inception-2015-12-05-6726825d.pth; without
# it the figures of a random network are given, under another name:
#     --cfg-options test_evaluator.1.inception=PATH
val_evaluator = [dict(type='GenerationMetric')]
test_evaluator = [
    dict(type='GenerationMetric'),
    dict(type='FIDMetric', inception=None),
]
