# LEVIR-CC: 10,077 pairs with five captions each, 6815/1333/1929 of them for
# training, validation and test.
dataset_type = 'LEVIRCCDataset'
data_root = 'data/LEVIR-CC/'
# Words that occur at least so often in the captions of all splits are known:
# 5 gives the 501 words of RSCaMa and Chg2Cap.
min_count = 5

# Of both dates: red, green and blue. The std is the average of the stds of
# the two dates, as the data set's authors give it.
data_preprocessor = dict(
    type='ChangeDataPreprocessor',
    mean=[99.63615, 98.48865, 84.12195],
    std=[39.08895, 37.3014, 34.8024],
)

train_pipeline = [
    dict(type='LoadImagePair'),
    dict(type='EncodeCaption', max_length=42),
    dict(type='PackChangeInputs'),
]
test_pipeline = [
    dict(type='LoadImagePair'),
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

val_evaluator = dict(type='ChangeCaptionMetric', protocol='ids')
test_evaluator = val_evaluator

custom_hooks = [dict(type='CheckVocabularyHook')]
visualizer = dict(type='ChangeVisualizer')
draw_hook = dict(type='DrawPredictionsHook')
inferencer = dict(type='ChangeInferencer')
