# Trains from scratch on two CPU cores in minutes, on images that
# `tools/misc/make_synthetic.py --layout nwpu --size 256` writes.
_base_ = [
    './_base_/rsprompter-anchor_sam-vit-tiny.py',
    '../_base_/datasets/nwpu_instance.py',
    '../_base_/schedules/adamw_cosine.py',
    '../_base_/default_runtime.py',
]

data_root = 'data/synthetic-nwpu/'
img_size = 256

train_pipeline = [
    dict(type='LoadRSImage'),
    dict(type='mmdet.LoadAnnotations', with_bbox=True, with_mask=True),
    dict(
        type='mmdet.RandomFlip',
        prob=0.75,
        direction=['horizontal', 'vertical', 'diagonal'],
    ),
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
    batch_size=2,
    num_workers=0,
    dataset=dict(data_root=data_root, pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=2,
    num_workers=0,
    dataset=dict(data_root=data_root, pipeline=test_pipeline),
)
test_dataloader = val_dataloader
val_evaluator = dict(
    ann_file=data_root + 'annotations/NWPU_instances_val.json',
    classwise=True,
)
test_evaluator = val_evaluator

train_cfg = dict(max_epochs=8, val_interval=8)
optim_wrapper = dict(
    _delete_=True,
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=4e-4, weight_decay=0.05),
    clip_grad=dict(max_norm=0.3),
)
default_hooks = dict(logger=dict(interval=20))
