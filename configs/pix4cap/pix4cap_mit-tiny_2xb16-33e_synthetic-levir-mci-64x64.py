# Trains from scratch on two CPU cores in minutes, on pseudo-labels of a
# teacher that has seen another world; docs/pix4cap.md has the commands.
_base_ = [
    './_base_/pix4cap_mit-tiny.py',
    '../_base_/datasets/synthetic_levir_mci.py',
    '../_base_/schedules/adamw_minutes.py',
    '../_base_/default_runtime.py',
]

# Pseudo-labels of any change for training, images/train/pseudo/*.png, and true
# masks for validation and test.
classes = dict(
    classes=('unchanged', 'changed'), palette=[(0, 0, 0), (255, 0, 0)]
)
train_pipeline = [
    dict(type='LoadImagePair'),
    dict(type='LoadPseudoMask', kind='hard', clean=False),
    dict(
        type='FlipPair',
        prob=0.75,
        direction=['horizontal', 'vertical', 'diagonal'],
    ),
    dict(type='EncodeCaption', max_length=30),
    dict(type='PackChangeInputs'),
]
test_pipeline = [
    dict(type='LoadImagePair'),
    dict(type='LoadChangeMask', label_map={0: 0, 128: 1, 255: 1}),
    dict(type='PackChangeInputs'),
]
train_dataloader = dict(
    dataset=dict(
        data_prefix=dict(seg_map=None, pseudo='images/{split}/pseudo'),
        metainfo=classes,
        pipeline=train_pipeline,
    )
)
val_dataloader = dict(dataset=dict(metainfo=classes, pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(metainfo=classes, pipeline=test_pipeline))

model = dict(caption_head=dict(num_words=85))
default_hooks = dict(logger=dict(interval=20))
optim_wrapper = dict(optimizer=dict(fused=True))
train_cfg = dict(max_epochs=33, val_interval=33)
