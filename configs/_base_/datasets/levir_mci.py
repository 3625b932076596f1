# LEVIR-MCI: the pairs and captions of LEVIR-CC, and masks of what changed:
# 0 unchanged, 1 road, 2 building.
_base_ = './levir_cc.py'

dataset_type = 'LEVIRMCIDataset'
data_root = 'data/LEVIR-MCI/'
min_count = 6  # gives the 468 words of MCI

train_pipeline = [
    dict(type='LoadImagePair'),
    dict(type='LoadChangeMask', label_map={0: 0, 128: 1, 255: 2}),
    dict(type='EncodeCaption', max_length=41),
    dict(type='PackChangeInputs'),
]
# Masks are compared in the size of their files. A transform that resizes
# images for the model comes before LoadChangeMask.
test_pipeline = [
    dict(type='LoadImagePair'),
    dict(type='LoadChangeMask', label_map={0: 0, 128: 1, 255: 2}),
    dict(type='PackChangeInputs'),
]

train_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        min_count=min_count,
        pipeline=train_pipeline,
    )
)
val_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        min_count=min_count,
        pipeline=test_pipeline,
    )
)
test_dataloader = val_dataloader  # split='test', from levir_cc.py

val_evaluator = [
    dict(type='ChangeCaptionMetric', protocol='ids'),
    dict(type='ChangeMaskMetric'),
]
test_evaluator = val_evaluator
