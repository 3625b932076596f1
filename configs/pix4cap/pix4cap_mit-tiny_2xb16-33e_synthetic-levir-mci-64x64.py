# Trains from scratch on two CPU cores in minutes, on pseudo-labels of a
# teacher that has seen another world; docs/pix4cap.md has the commands.
_base_ = [
    './_base_/pix4cap_mit-tiny.py',
    '../_base_/datasets/synthetic_levir_mci_pseudo.py',
    '../_base_/schedules/adamw_minutes.py',
    '../_base_/default_runtime.py',
]

model = dict(caption_head=dict(num_words=85))
default_hooks = dict(logger=dict(interval=20))
optim_wrapper = dict(optimizer=dict(fused=True))
train_cfg = dict(max_epochs=33, val_interval=33)
