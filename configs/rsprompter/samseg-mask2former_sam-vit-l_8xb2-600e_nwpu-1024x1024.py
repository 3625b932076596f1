_base_ = [
    './_base_/samseg-mask2former_sam-vit-l.py',
    '../_base_/datasets/nwpu_instance.py',
    '../_base_/schedules/adamw_cosine.py',
    '../_base_/default_runtime.py',
]

train_cfg = dict(max_epochs=600)
