# NWPU-RESISC45: 31,500 aerial images, 45 classes; RSMamba's split of
# 22,005/9,495.
# The class folders are in data_root, the lists {train,val}.txt in
# data_root/datainfo: copy datainfo/NWPU of the RSMamba repository there, or
# write your own with tools/dataset_converters/split_scene_cls.py.
_base_ = './aid_cls.py'

dataset_type = 'NWPURESISC45Dataset'
data_root = 'data/NWPU-RESISC45/'

data_preprocessor = dict(
    num_classes=45,
    mean=[93.847266, 97.20128819, 87.66547902],  # red, green, blue
    std=[37.10216765, 34.61650149, 33.70191772],
)

train_pipeline = _base_.train_pipeline
train_pipeline[4]['hparams']['pad_val'] = [
    round(x) for x in data_preprocessor['mean'][::-1]
]
dataset = dict(type=dataset_type, data_root=data_root)
train_dataloader = dict(dataset=dict(dataset, pipeline=train_pipeline))
val_dataloader = dict(dataset=dataset)
test_dataloader = val_dataloader
