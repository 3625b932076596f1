# A small MetaEarth that trains from scratch on a CPU, for demos and tests:
# fp32, fewer steps, and weights averaged over the last few hundred of them.
_base_ = './metaearth.py'

model = dict(
    preset='metaearth_tiny',
    gradient_checkpointing=False,
    channels_last=False,
    test_cfg=dict(num_inference_steps=20),
)

# The learning rate is that of a batch of 16.
train_cfg = dict(type='IterBasedTrainLoop', max_iters=1400, val_interval=1400)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1.5e-3, weight_decay=0.01),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, end=100),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-5,
        by_epoch=False,
        begin=100,
        end=1400,
    ),
]
custom_hooks = [
    dict(
        type='EMAHook',
        ema_type='MomentumAnnealingEMA',
        momentum=0.005,
        gamma=20,
    ),
    dict(type='SampleGridHook'),
]
auto_scale_lr = dict(enable=False, base_batch_size=16)
