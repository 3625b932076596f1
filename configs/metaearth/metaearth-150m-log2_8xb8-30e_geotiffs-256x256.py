# Any resolution (ours): three levels of each GeoTIFF in data/geotiffs, whose
# CRS tells the size of its pixels, moved by up to half an octave. Images must
# have some 400 px or more at the coarsest level.
_base_ = './metaearth-150m_8xb8-30e_earth-256x256.py'

model = dict(unet=dict(resolution_transform='log2'))
levels = (1, 4, 16)
data_root = 'data/geotiffs/'

train_pipeline = [
    dict(type='LoadRSImage'),
    dict(type='ReduceResolution', jitter=0.5),
    dict(type='CropTile', size=256),
    dict(
        type='RandomFlip',
        prob=0.75,
        direction=['horizontal', 'vertical', 'diagonal'],
    ),
    dict(type='RealESRGANDegradation'),
    dict(type='PackGenInputs'),
]
train_dataloader = dict(
    dataset=dict(
        data_root=data_root + 'train',
        split=None,
        levels=levels,
        pipeline=train_pipeline,
    )
)
held_out = dict(split=None, levels=levels)
val_dataloader = dict(dataset=dict(data_root=data_root + 'val', **held_out))
test_dataloader = dict(dataset=dict(data_root=data_root + 'test', **held_out))
