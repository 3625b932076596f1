_base_ = [
    './_base_/rsmamba-b.py',
    '../_base_/datasets/nwpu_resisc45_cls.py',
    '../_base_/schedules/adamw_warmup_cosine.py',
    '../_base_/default_runtime.py',
]

model = dict(
    backbone=dict(arch='l'), head=dict(num_classes=45, in_channels=256)
)

train_cfg = dict(max_epochs=500)
default_hooks = dict(
    checkpoint=dict(
        interval=5, save_best='single-label/f1-score', rule='greater'
    )
)
