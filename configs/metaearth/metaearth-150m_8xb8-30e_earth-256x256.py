# A quarter of the paper's size.
_base_ = [
    './_base_/metaearth.py',
    '../_base_/datasets/metaearth.py',
    '../_base_/schedules/adamw_diffusion_30e.py',
    '../_base_/default_runtime.py',
]
env_cfg = dict(cudnn_benchmark=True)

model = dict(preset='metaearth_150m')
train_dataloader = dict(batch_size=8)
optim_wrapper = dict(accumulative_counts=1)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, end=1000)
]
custom_hooks = [
    dict(type='EMAHook', momentum=1e-4),
    dict(type='SampleGridHook'),
]
