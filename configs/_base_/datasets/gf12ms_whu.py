# GF12MS_WHU: blocks of 250 px of Gaofen-1 and Gaofen-2; background and cloud.
# Set sensors=['GF1'] or ['GF2'] for one of them. The statistics are round
# values.
_base_ = './levir_cs.py'

dataset_type = 'GF12MSWHUDataset'
data_root = 'data/GF12MS_WHU/'

data_preprocessor = dict(
    type='MultiBandDataPreprocessor',
    mean=[0.25, 0.25, 0.25, 0.25],
    std=[0.2, 0.2, 0.2, 0.2],
    size=(256, 256),
)

dataset = dict(type=dataset_type, data_root=data_root)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)

crop_size = 256  # blocks are smaller than the crop of other data sets
train_pipeline = [
    *_base_.train_pipeline[:2],
    dict(type='RandomScaleCrop', crop_size=crop_size, ratio_range=(0.5, 2.0)),
    *_base_.train_pipeline[3:],
]
train_dataloader = dict(dataset=dict(dataset, pipeline=train_pipeline))
