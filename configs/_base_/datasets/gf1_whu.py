# GF1_WHU: tiles of 108 scenes of Gaofen-1 WFV; background and cloud. The
# statistics are round values.
_base_ = './levir_cs.py'

dataset_type = 'GF1WHUDataset'
data_root = 'data/GF1_WHU/'

data_preprocessor = dict(
    type='MultiBandDataPreprocessor',
    mean=[0.25, 0.25, 0.25, 0.25],
    std=[0.2, 0.2, 0.2, 0.2],
    size=(512, 512),
)

dataset = dict(type=dataset_type, data_root=data_root)
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
