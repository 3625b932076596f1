# 38-Cloud: patches of 384 px of Landsat 8, of 18 scenes for training, two of
# them for validation, and of 20 for testing, which are scored as whole scenes;
# background and cloud. The statistics are round values.
_base_ = './levir_cs.py'

dataset_type = 'Cloud38Dataset'
data_root = 'data/38-Cloud/'

data_preprocessor = dict(
    type='MultiBandDataPreprocessor',
    mean=[0.2, 0.2, 0.2, 0.25],
    std=[0.15, 0.15, 0.15, 0.15],
    size=(384, 384),
)

dataset = dict(type=dataset_type, data_root=data_root)
val_dataloader = dict(dataset=dataset)

# Patches are smaller than the crop of other data sets. Those for testing have
# no masks: they are joined into scenes, the black margins, too.
crop_size = 384
train_pipeline = [
    *_base_.train_pipeline[:2],
    dict(type='RandomScaleCrop', crop_size=crop_size, ratio_range=(0.5, 2.0)),
    *_base_.train_pipeline[3:],
]
test_pipeline = [
    dict(type='LoadBands', allow_blank=True),
    *_base_.test_pipeline[1:],
]
train_dataloader = dict(dataset=dict(dataset, pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(dataset, pipeline=test_pipeline))
test_evaluator = dict(
    _delete_=True, type='Cloud38SceneMetric', data_root=data_root
)
