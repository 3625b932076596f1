# AdamW, 50 iterations of warm-up, cosine decay to a thousandth over the epochs
# of `train_cfg.max_epochs`. The learning rate is that of a batch of 16.
base_lr = 1e-4

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=300, val_interval=3)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

# bfloat16: float16 trains to NaN for many users of the authors' code.
optim_wrapper = dict(
    type='AmpOptimWrapper',
    dtype='bfloat16',
    optimizer=dict(type='AdamW', lr=base_lr, weight_decay=0.05),
)

param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', eta_min_ratio=0.001, by_epoch=True),
]

auto_scale_lr = dict(enable=False, base_batch_size=16)
