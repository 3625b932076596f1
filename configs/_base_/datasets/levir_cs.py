# LEVIR_CS: 3068 scenes of Gaofen-1 WFV for training, a tenth of them for
# validation, and 1100 for testing; background, cloud and snow. The means are
# those of its authors (257, 268, 276 and 238 of 1023); the deviations are
# round values.
_base_ = './clouds_512.py'

dataset_type = 'LevirCSDataset'
data_root = 'data/LEVIR_CS/'

data_preprocessor = dict(
    type='MultiBandDataPreprocessor',
    mean=[0.251, 0.262, 0.270, 0.233],
    std=[0.2, 0.2, 0.2, 0.2],
    size=(512, 512),
)

dataset = dict(type=dataset_type, data_root=data_root)
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
