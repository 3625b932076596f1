# The paper's ablation: conditions by plain cubic interpolation instead of
# degradation.
_base_ = './metaearth-600m_8xb1-accum8-30e_earth-256x256.py'

train_pipeline = [
    dict(type='LoadRSImage'),
    dict(type='ReduceResolution'),
    dict(type='CropTile', size=256),
    dict(
        type='RandomFlip',
        prob=0.75,
        direction=['horizontal', 'vertical', 'diagonal'],
    ),
    dict(type='ReduceImage', interpolation='bicubic'),
    dict(type='PackGenInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
