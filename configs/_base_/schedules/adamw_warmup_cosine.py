# AdamW, ten epochs of warm-up in steps of an iteration, then cosine decay to
# 1e-5 over the epochs of `train_cfg.max_epochs`. The learning rate is that of
# a batch of 128; --auto-scale-lr adapts it to another.
base_lr = 5e-4

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=500, val_interval=20)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=base_lr, weight_decay=0.05),
)

warmup_epochs = 10
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.001,
        by_epoch=True,
        begin=0,
        end=warmup_epochs,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-5,
        by_epoch=True,
        begin=warmup_epochs,
    ),
]

auto_scale_lr = dict(enable=False, base_batch_size=128)
