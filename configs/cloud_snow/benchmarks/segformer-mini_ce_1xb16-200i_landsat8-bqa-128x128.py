# Learns the quality band of one Landsat 8 scene, which is wrong in places, to
# find out where:
#     python tools/train.py CONFIG
#     python tools/analysis_tools/audit_labels.py CONFIG CHECKPOINT OUT
_base_ = [
    '../_base_/segformer-mini.py',
    '../../_base_/datasets/levir_cs.py',
    '../_base_/schedule_400i.py',
]

crop_size = 128
data_preprocessor = dict(
    _delete_=True,
    type='MultiBandDataPreprocessor',
    size=(crop_size, crop_size),
)
model = dict(backbone=dict(in_channels=10), decode_head=dict(num_classes=2))
train_pipeline = [
    *_base_.train_pipeline[:2],
    dict(type='RandomScaleCrop', crop_size=crop_size, ratio_range=(0.5, 2.0)),
    *_base_.train_pipeline[3:-1],
    dict(type='PerPatchZScore'),
    dict(type='PackCloudInputs'),
]
test_pipeline = [
    *_base_.test_pipeline[:-1],
    dict(type='PerPatchZScore'),
    dict(type='PackCloudInputs'),
]
dataset = dict(
    type='LandsatBQADataset',
    data_root='data/landsat8/',
    view='2',
    tile=128,
    stride=64,
)
train_dataloader = dict(
    num_workers=0,
    dataset=dict(dataset, split='trainval', pipeline=train_pipeline),
)
val_dataloader = dict(
    num_workers=0, dataset=dict(dataset, split='test', pipeline=test_pipeline)
)
test_dataloader = val_dataloader
max_iters = 200
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
default_hooks = dict(checkpoint=dict(interval=max_iters))
