# The paper's size and schedule, with our learning rate.
_base_ = [
    './_base_/metaearth.py',
    '../_base_/datasets/metaearth.py',
    '../_base_/schedules/adamw_diffusion_30e.py',
    '../_base_/default_runtime.py',
]
env_cfg = dict(cudnn_benchmark=True)
