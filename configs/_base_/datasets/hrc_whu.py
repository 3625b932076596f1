# HRC_WHU: pictures of 8 bits, 120 for training, a tenth of them for
# validation, and 30 for testing; background and cloud. The statistics are
# those of ImageNet: red, green and blue.
_base_ = './levir_cs.py'

dataset_type = 'HRCWHUDataset'
data_root = 'data/HRC_WHU/'

data_preprocessor = dict(
    type='MultiBandDataPreprocessor',
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    size=(512, 512),
)

dataset = dict(type=dataset_type, data_root=data_root)
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
