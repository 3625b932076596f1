# A small MetaEarth that trains from scratch on a CPU, for demos and tests:
# fp32, few steps, and weights averaged over the last few hundred of them. It
# predicts v (ours): in so short a training, images that are made by predicting
# the noise still drift in colour and stay noisy.
_base_ = './metaearth.py'

model = dict(
    preset='metaearth_tiny',
    scheduler=dict(prediction_type='v_prediction'),
    gradient_checkpointing=False,
    channels_last=False,
    test_cfg=dict(solver='dpm', num_inference_steps=12),
)

# The learning rate is that of a batch of 8.
iters = 2600
train_cfg = dict(
    type='IterBasedTrainLoop', max_iters=iters, val_interval=iters
)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(
        type='AdamW', lr=1.5e-3, betas=(0.9, 0.99), weight_decay=0.01
    ),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, end=100),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-5,
        by_epoch=False,
        begin=100,
        end=iters,
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
auto_scale_lr = dict(enable=False, base_batch_size=8)
