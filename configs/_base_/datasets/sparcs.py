# SPARCS: 80 cuts of 1000 px of Landsat 8, of ten bands; background, cloud and
# snow. The first of five folds is for testing; set fold in all three data
# sets for another. Of the thermal bands the unit is radiance. The statistics
# are round values.
_base_ = './levir_cs.py'

fold = 0
dataset_type = 'SPARCSDataset'
data_root = 'data/SPARCS/'

data_preprocessor = dict(
    type='MultiBandDataPreprocessor',
    mean=[0.2] * 8 + [8.0, 7.5],
    std=[0.15] * 8 + [1.0, 1.0],
    size=(512, 512),
)

dataset = dict(type=dataset_type, data_root=data_root, fold=fold)
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
