# WHU-CDC: 7434 aerial pairs with five captions each, and masks of building
# change: 0 unchanged, 1 building.
_base_ = './levir_mci.py'

dataset_type = 'WHUCDCDataset'
data_root = 'data/WHU-CDC/'
min_count = 5

data_preprocessor = dict(
    mean=[123.6404, 118.4032, 108.3062],
    std=[49.7608, 48.1702, 51.4021],
)

label_map = {0: 0, 255: 1}
train_pipeline = [
    dict(type='LoadImagePair'),
    dict(type='LoadChangeMask', label_map=label_map),
    dict(type='EncodeCaption', max_length=26),
    dict(type='PackChangeInputs'),
]
test_pipeline = [
    dict(type='LoadImagePair'),
    dict(type='LoadChangeMask', label_map=label_map),
    dict(type='PackChangeInputs'),
]

dataset = dict(type=dataset_type, data_root=data_root, min_count=min_count)
train_dataloader = dict(dataset=dict(dataset, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(dataset, pipeline=test_pipeline))
test_dataloader = val_dataloader  # split='test', from levir_mci.py
