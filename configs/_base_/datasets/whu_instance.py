# WHU building: 8188 aerial tiles of 512 x 512 px, 4736/1036/2416 of them for
# training, validation and test.
dataset_type = 'WHUInsSegDataset'
data_root = 'data/WHU/'
crop_size = (1024, 1024)  # width and height in pixels

# Large-scale jitter: the image shrinks to a tenth or doubles, then a window
# of at most crop_size is cut. The model's preprocessor pads to crop_size.
train_pipeline = [
    dict(type='LoadRSImage', to_float32=True),
    dict(type='mmdet.LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='mmdet.RandomFlip', prob=0.5),
    dict(
        type='RandomResize',
        scale=crop_size,
        ratio_range=(0.1, 2.0),
        resize_type='mmdet.Resize',
        keep_ratio=True,
    ),
    dict(
        type='mmdet.RandomCrop',
        crop_type='absolute',
        crop_size=crop_size,
        recompute_bbox=True,
        allow_negative_crop=True,
    ),
    dict(
        type='mmdet.FilterAnnotations',
        min_gt_bbox_wh=(1e-5, 1e-5),
        by_mask=True,
    ),
    dict(type='mmdet.PackDetInputs'),
]
# No padding here: img_shape stays the part of the input that is image.
test_pipeline = [
    dict(type='LoadRSImage'),
    dict(type='mmdet.Resize', scale=crop_size, keep_ratio=True),
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
    num_workers=4,
    persistent_workers=False,  # seeded anew each epoch: resuming is exact
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='annotations/WHU_building_train.json',
        data_prefix=dict(img='imgs/train/image/'),
        filter_cfg=dict(filter_empty_gt=True, min_size=32),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=2,
    num_workers=4,
    persistent_workers=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='annotations/WHU_building_val.json',
        data_prefix=dict(img='imgs/val/image/'),
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
# RSPrompter's authors chose their best epoch on the test split too; here the
# test split is left alone until the end.
test_dataloader = dict(
    batch_size=2,
    num_workers=4,
    persistent_workers=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='annotations/WHU_building_test.json',
        data_prefix=dict(img='imgs/test/image/'),
        test_mode=True,
        pipeline=test_pipeline,
    ),
)

val_evaluator = dict(
    type='InstanceSegMetric',
    ann_file=data_root + 'annotations/WHU_building_val.json',
    metric=['bbox', 'segm'],
)
test_evaluator = dict(
    type='InstanceSegMetric',
    ann_file=data_root + 'annotations/WHU_building_test.json',
    metric=['bbox', 'segm'],
)

# For tools/test.py --show-dir and --out.
visualizer = dict(
    type='mmdet.DetLocalVisualizer',
    vis_backends=[dict(type='LocalVisBackend')],
)
draw_hook = dict(type='mmdet.DetVisualizationHook')
dump_metric = dict(type='mmdet.DumpDetResults')
