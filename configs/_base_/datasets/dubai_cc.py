# DUBAI-CC: 500 Landsat-7 pairs with five captions each. The images of 50 px
# are enlarged to 256.
_base_ = './levir_cc.py'

dataset_type = 'DubaiCCDataset'
data_root = 'data/DUBAI-CC/'
min_count = 1  # all words are known

data_preprocessor = dict(
    mean=[156.0681, 115.0891, 92.0745],
    std=[76.5139, 52.0616, 44.4209],
)

enlarge = dict(
    type='BiTemporal', transforms=[dict(type='Resize', scale=(256, 256))]
)
train_pipeline = [
    dict(type='LoadImagePair', to_float32=True),
    enlarge,
    # Unchanged pairs have no sentence in common.
    dict(type='EncodeCaption', max_length=27, no_change=None),
    dict(type='PackChangeInputs'),
]
test_pipeline = [
    dict(type='LoadImagePair', to_float32=True),
    enlarge,
    dict(type='PackChangeInputs'),
]

dataset = dict(type=dataset_type, data_root=data_root, min_count=min_count)
train_dataloader = dict(dataset=dict(dataset, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(dataset, pipeline=test_pipeline))
test_dataloader = val_dataloader  # split='test', from levir_cc.py
