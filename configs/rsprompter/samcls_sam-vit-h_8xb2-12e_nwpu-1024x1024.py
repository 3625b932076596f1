_base_ = [
    './_base_/samcls_sam-vit-h.py',
    '../_base_/datasets/nwpu_instance.py',
    '../_base_/schedules/adamw_cosine.py',
    '../_base_/default_runtime.py',
]

# The paper gives no schedule for the classifier; this one is ours.
train_cfg = dict(max_epochs=12)
