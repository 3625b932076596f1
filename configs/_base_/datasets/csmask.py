# Scenes of ukis-csmask: Landsat 5, Landsat 7 and Sentinel-2 in six bands of
# reflectance; two scenes for training, the third for testing. Land, cloud,
# snow (which none of them has), water and shadow. Patches are normalised by
# themselves, since the sensors differ.
_base_ = './levir_cs.py'

dataset_type = 'CSMaskDataset'
data_root = 'data/csmask/'
train_scenes = ['landsat5', 'landsat7']
test_scenes = ['sentinel2']
crop_size = 128

data_preprocessor = dict(
    _delete_=True,
    type='MultiBandDataPreprocessor',
    size=(crop_size, crop_size),
)

train_pipeline = [
    *_base_.train_pipeline[:2],
    dict(type='RandomScaleCrop', crop_size=crop_size, ratio_range=(0.5, 2.0)),
    *_base_.train_pipeline[3:-1],
    dict(type='PerPatchZScore'),
    dict(type='PackCloudInputs'),
]
test_pipeline = [
    *_base_.test_pipeline[:-1],
    dict(type='PerPatchZScore'),
    dict(type='PackCloudInputs'),
]

dataset = dict(
    type=dataset_type,
    data_root=data_root,
    view='csmask',
    may_lack=('snow',),
)
train_dataloader = dict(
    num_workers=0,
    dataset=dict(
        dataset,
        scenes=train_scenes,
        tile=256,
        stride=128,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    num_workers=0,
    dataset=dict(
        dataset, scenes=test_scenes, tile=256, pipeline=test_pipeline
    ),
)
test_dataloader = dict(
    num_workers=0,
    dataset=dict(
        dataset, scenes=test_scenes, tile=256, pipeline=test_pipeline
    ),
)
