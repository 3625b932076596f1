# Over-fits eight real images, every 55th of NWPU VHR-10's training images.
_base_ = [
    '../_base_/rsprompter-anchor_sam-vit-tiny.py',
    '../../_base_/datasets/nwpu_instance.py',
    '../../_base_/schedules/adamw_cosine.py',
    '../../_base_/default_runtime.py',
]

img_size = 512
model = dict(
    data_preprocessor=dict(pad_size_divisor=img_size),
    backbone=dict(img_size=img_size),
)

data_root = '../shared/data/nwpu_vhr10/'
subset = dict(
    data_root=data_root,
    ann_file='annotations/instances_train.json',
    data_prefix=dict(img='images/'),
    indices=list(range(0, 440, 55)),
)
train_pipeline = [
    dict(type='LoadRSImage'),
    dict(type='mmdet.LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='mmdet.Resize', scale=(img_size, img_size), keep_ratio=True),
    dict(type='mmdet.RandomFlip', prob=0.5),
    dict(type='mmdet.PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadRSImage'),
    dict(type='mmdet.Resize', scale=(img_size, img_size), keep_ratio=True),
    dict(type='mmdet.LoadAnnotations', with_bbox=True, with_mask=True),
    dict(
        type='mmdet.PackDetInputs',
        meta_keys=(
            'img_id',
            'img_path',
            'ori_shape',
            'img_shape',
            'scale_factor',
        ),
    ),
]
train_dataloader = dict(
    num_workers=0,
    dataset=dict(
        _delete_=True,
        type='RepeatDataset',
        times=50,
        dataset=dict(
            type='NWPUInsSegDataset', pipeline=train_pipeline, **subset
        ),
    ),
)
val_dataloader = dict(
    num_workers=0, dataset=dict(pipeline=test_pipeline, **subset)
)
test_dataloader = val_dataloader
val_evaluator = dict(
    ann_file=data_root + 'annotations/instances_train.json', classwise=True
)
test_evaluator = val_evaluator

train_cfg = dict(max_epochs=4, val_interval=1)
optim_wrapper = dict(
    _delete_=True,
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05),
    clip_grad=dict(max_norm=1.0),
)
default_hooks = dict(logger=dict(interval=10))
