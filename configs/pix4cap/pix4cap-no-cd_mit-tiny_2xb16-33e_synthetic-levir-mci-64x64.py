# The same without pseudo-labels, and so without masks.
_base_ = [
    './_base_/pix4cap_mit-tiny.py',
    '../_base_/datasets/synthetic_levir_cc.py',
    '../_base_/schedules/adamw_minutes.py',
    '../_base_/default_runtime.py',
]

model = dict(
    mask_neck=None,
    mask_head=None,
    sfa=None,
    loss_balancer=None,
    caption_head=dict(num_words=85),
)
default_hooks = dict(logger=dict(interval=20))
optim_wrapper = dict(optimizer=dict(fused=True))
train_cfg = dict(max_epochs=33, val_interval=33)
