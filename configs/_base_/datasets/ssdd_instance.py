# SSDD: 1160 SAR images of ships; RSPrompter's split of 928/232.
_base_ = './nwpu_instance.py'

dataset_type = 'SSDDInsSegDataset'
data_root = 'data/SSDD/'

train_file = 'annotations/SSDD_instances_train.json'
val_file = 'annotations/SSDD_instances_val.json'
dataset = dict(type=dataset_type, data_root=data_root)
train_dataloader = dict(dataset=dict(dataset, ann_file=train_file))
val_dataloader = dict(dataset=dict(dataset, ann_file=val_file))
test_dataloader = val_dataloader

val_evaluator = dict(ann_file=data_root + val_file)
test_evaluator = val_evaluator
