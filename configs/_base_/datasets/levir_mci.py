# LEVIR-MCI: the pairs and captions of LEVIR-CC, and masks of what changed:
# 0 unchanged, 1 road, 2 building.
dataset_type = 'LEVIRMCIDataset'
data_root = 'data/LEVIR-MCI/'
min_count = 6  # gives the 468 words of MCI

# Of both dates: red, green and blue. The std is the average of the stds of
# the two dates, as the data set's authors give it.
data_preprocessor = dict(
    type='ChangeDataPreprocessor',
    mean=[99.63615, 98.48865, 84.12195],
    std=[39.08895, 37.3014, 34.8024],
)

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

dataset = dict(type=dataset_type, data_root=data_root, min_count=min_count)
train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=False,  # seeded anew each epoch: resuming is exact
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(dataset, split='train', pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(dataset, split='val', test_mode=True, pipeline=test_pipeline),
)
test_dataloader = dict(
    val_dataloader, dataset=dict(val_dataloader['dataset'], split='test')
)

val_evaluator = [
    dict(type='ChangeCaptionMetric', protocol='ids'),
    dict(type='ChangeMaskMetric'),
]
test_evaluator = val_evaluator

custom_hooks = [dict(type='CheckVocabularyHook')]
visualizer = dict(type='ChangeVisualizer')
draw_hook = dict(type='DrawPredictionsHook')
inferencer = dict(type='ChangeInferencer')
