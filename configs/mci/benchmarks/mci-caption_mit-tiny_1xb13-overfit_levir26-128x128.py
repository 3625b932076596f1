# Learns the captions of 26 real pairs by heart on a CPU:
#     python tools/train.py CONFIG
_base_ = [
    '../_base_/mci_mit-tiny.py',
    '../../_base_/datasets/overfit_levir_pairs.py',
    '../../_base_/schedules/adamw_minutes.py',
    '../../_base_/default_runtime.py',
]

model = dict(
    mask_neck=None,
    mask_head=None,
    loss_balancer=None,
    caption_head=dict(num_words=179),
)
default_hooks = dict(logger=dict(interval=20))
train_cfg = dict(max_epochs=20)
