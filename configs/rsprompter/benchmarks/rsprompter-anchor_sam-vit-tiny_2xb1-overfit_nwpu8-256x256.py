# Over-fits eight real images of NWPU VHR-10 from scratch on two CPU cores:
#     bash tools/dist_train.sh CONFIG 2
# Of each of eight classes the image with the largest objects: at this size all
# have at least 20 pixels, so that they cover tokens of SAM.
_base_ = [
    '../_base_/rsprompter-anchor_sam-vit-tiny.py',
    '../../_base_/datasets/nwpu_instance.py',
    '../../_base_/schedules/adamw_cosine.py',
    '../../_base_/default_runtime.py',
]

img_size = 256
model = dict(
    data_preprocessor=dict(pad_size_divisor=img_size),
    backbone=dict(img_size=img_size),
)

subset = dict(
    data_root='data/nwpu_vhr10/',
    ann_file='annotations/instances_train.json',
    data_prefix=dict(img='images/'),
    indices=[20, 74, 97, 128, 170, 190, 238, 281],
)
train_pipeline = [
    dict(type='LoadRSImage'),
    dict(type='mmdet.LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='mmdet.Resize', scale=(img_size, img_size), keep_ratio=True),
    dict(type='mmdet.PackDetInputs'),
]
test_pipeline = _base_.test_pipeline
test_pipeline[1]['scale'] = (img_size, img_size)
train_dataloader = dict(
    batch_size=1,
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
    batch_size=1,
    num_workers=0,
    dataset=dict(pipeline=test_pipeline, **subset),
)
test_dataloader = val_dataloader
val_evaluator = dict(
    ann_file=subset['data_root'] + subset['ann_file'], classwise=True
)
test_evaluator = val_evaluator

train_cfg = dict(max_epochs=8, val_interval=2)
optim_wrapper = dict(
    _delete_=True,
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=4e-4, weight_decay=0.05),
    clip_grad=dict(max_norm=0.3),
)
default_hooks = dict(logger=dict(interval=20))
