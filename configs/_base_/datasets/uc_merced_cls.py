# UC Merced: 2100 aerial images, 21 classes; RSMamba's split of 1470/630.
# The class folders are in data_root, the lists {train,val}.txt in
# data_root/datainfo: copy datainfo/UC of the RSMamba repository there, or
# write your own with tools/dataset_converters/split_scene_cls.py.
_base_ = './aid_cls.py'

dataset_type = 'UCMercedDataset'
data_root = 'data/UC/'

data_preprocessor = dict(
    num_classes=21,
    mean=[123.770241, 125.41281689, 115.35737613],  # red, green, blue
    std=[44.17314347, 41.63589266, 39.5737929],
)

train_pipeline = _base_.train_pipeline
train_pipeline[4]['hparams']['pad_val'] = [
    round(x) for x in data_preprocessor['mean'][::-1]
]
dataset = dict(type=dataset_type, data_root=data_root)
train_dataloader = dict(dataset=dict(dataset, pipeline=train_pipeline))
val_dataloader = dict(dataset=dataset)
test_dataloader = val_dataloader
