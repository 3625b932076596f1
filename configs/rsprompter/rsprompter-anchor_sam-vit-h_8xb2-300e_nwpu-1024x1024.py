_base_ = [
    './_base_/rsprompter-anchor_sam-vit-h.py',
    '../_base_/datasets/nwpu_instance.py',
    '../_base_/schedules/adamw_cosine.py',
    '../_base_/default_runtime.py',
]

train_cfg = dict(max_epochs=300)
