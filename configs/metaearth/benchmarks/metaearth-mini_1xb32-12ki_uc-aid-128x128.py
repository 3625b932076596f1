# The 19 M preset on one GPU, on pictures of two public data sets:
#     python tools/train.py CONFIG
# configs/_base_/datasets/metaearth_uc_aid.py tells how to make the lists.
_base_ = [
    '../_base_/metaearth.py',
    '../../_base_/datasets/metaearth_uc_aid.py',
    '../../_base_/schedules/adamw_diffusion_30e.py',
    '../../_base_/default_runtime.py',
]

model = dict(
    preset='metaearth_mini',
    unet=dict(sample_size=128),
    gradient_checkpointing=False,
)
train_dataloader = dict(batch_size=32, num_workers=12)
val_dataloader = dict(batch_size=64, num_workers=4)
test_dataloader = dict(batch_size=64, num_workers=4)

iters = 12000
train_cfg = dict(
    _delete_=True,
    type='IterBasedTrainLoop',
    max_iters=iters,
    val_interval=iters // 2,
)
optim_wrapper = dict(accumulative_counts=1, optimizer=dict(lr=2e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, end=500),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-6,
        by_epoch=False,
        begin=500,
        end=iters,
    ),
]
custom_hooks = [
    dict(
        type='EMAHook',
        ema_type='MomentumAnnealingEMA',
        momentum=1e-3,
        gamma=20,
    ),
    dict(type='SampleGridHook'),
]
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=2000))
log_processor = dict(by_epoch=False)
env_cfg = dict(cudnn_benchmark=True)
