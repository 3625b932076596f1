# AdamW with a constant learning rate after 1000 steps of warm-up, averaged
# weights, bfloat16. 30 epochs, and eight batches accumulated to a step, are
# MetaEarth's; the rest is ours. The learning rate is that of a batch of 64.
accumulation = 8

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=30, val_interval=5)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(
    type='AmpOptimWrapper',
    dtype='bfloat16',
    accumulative_counts=accumulation,
    optimizer=dict(
        type='AdamW', lr=1e-4, betas=(0.9, 0.999), weight_decay=0.01
    ),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.001,
        by_epoch=False,
        begin=0,
        end=1000 * accumulation,
    ),
]
custom_hooks = [
    dict(type='EMAHook', momentum=1e-4, interval=accumulation),
    dict(type='SampleGridHook'),
]
auto_scale_lr = dict(enable=False, base_batch_size=64)
