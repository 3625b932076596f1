# CloudSEN12 (high quality), Sentinel-2 Level 1C: patches of 509 px, 8490, 535
# and 975 for training, validation and testing; clear, thick cloud, thin cloud
# and shadow. The statistics are round values of reflectance.
_base_ = './levir_cs.py'

dataset_type = 'CloudSEN12Dataset'
data_root = 'data/CloudSEN12/'

data_preprocessor = dict(
    type='MultiBandDataPreprocessor',
    mean=[0.2] * 13,
    std=[0.2] * 13,
    size=(512, 512),
)

dataset = dict(type=dataset_type, data_root=data_root, level='L1C')
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
