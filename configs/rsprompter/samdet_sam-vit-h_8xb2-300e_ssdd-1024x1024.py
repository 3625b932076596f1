_base_ = [
    './_base_/samdet_sam-vit-h.py',
    '../_base_/datasets/ssdd_instance.py',
    '../_base_/schedules/adamw_cosine.py',
    '../_base_/default_runtime.py',
]

model = dict(detector=dict(roi_head=dict(bbox_head=dict(num_classes=1))))

train_cfg = dict(max_epochs=300)
