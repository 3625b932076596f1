# Trains a small RSMamba on two CPU cores on 80 images a class of UC Merced:
#     python tools/dataset_converters/split_scene_cls.py \
#         data/uc_merced/images --split train=0.75 val=0.25 --seed 0 \
#         --out-dir data/uc_merced_80
#     bash tools/dist_train.sh CONFIG 2
_base_ = [
    '../_base_/rsmamba-tiny.py',
    '../../_base_/datasets/uc_merced_cls.py',
    '../../_base_/schedules/adamw_warmup_cosine.py',
    '../../_base_/default_runtime.py',
]

model = dict(head=dict(num_classes=21), backbone=dict(drop_path_rate=0.1))

subset = dict(
    data_root='',
    data_prefix=dict(img_path='data/uc_merced/images/'),
)
train_pipeline = [
    dict(type='LoadRSImage'),
    dict(
        type='mmpretrain.RandomResizedCrop',
        scale=64,
        crop_ratio_range=(0.4, 1.0),
        backend='pillow',
        interpolation='bicubic',
    ),
    dict(
        type='RandomFlip',
        prob=0.75,
        direction=['horizontal', 'vertical', 'diagonal'],
    ),
    dict(type='mmpretrain.PackInputs'),
]
test_pipeline = [
    dict(type='LoadRSImage'),
    dict(
        type='mmpretrain.ResizeEdge',
        scale=64,
        edge='short',
        backend='pillow',
        interpolation='bicubic',
    ),
    dict(type='CenterCrop', crop_size=64),
    dict(type='mmpretrain.PackInputs'),
]
train_dataloader = dict(
    batch_size=16,
    num_workers=0,
    dataset=dict(
        ann_file='data/uc_merced_80/train.txt',
        pipeline=train_pipeline,
        **subset,
    ),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=0,
    dataset=dict(
        ann_file='data/uc_merced_80/val.txt',
        pipeline=test_pipeline,
        **subset,
    ),
)
test_dataloader = val_dataloader

train_cfg = dict(max_epochs=60, val_interval=10)
optim_wrapper = dict(optimizer=dict(lr=2e-3), clip_grad=dict(max_norm=1.0))
auto_scale_lr = dict(base_batch_size=32)
default_hooks = dict(logger=dict(interval=20))
