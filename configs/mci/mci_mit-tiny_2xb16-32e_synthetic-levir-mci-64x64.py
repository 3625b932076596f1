# Trains from scratch on two CPU cores in minutes:
#     bash tools/dist_train.sh CONFIG 2
_base_ = [
    './_base_/mci_mit-tiny.py',
    '../_base_/datasets/synthetic_levir_mci.py',
    '../_base_/schedules/adamw_minutes.py',
    '../_base_/default_runtime.py',
]

model = dict(caption_head=dict(num_words=85))
default_hooks = dict(logger=dict(interval=20))
train_cfg = dict(max_epochs=32, val_interval=16)
