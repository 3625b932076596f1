_base_ = [
    './_base_/samseg-maskrcnn_sam-vit-h.py',
    '../_base_/datasets/ssdd_instance.py',
    '../_base_/schedules/adamw_cosine.py',
    '../_base_/default_runtime.py',
]

model = dict(
    roi_head=dict(bbox_head=dict(num_classes=1), mask_head=dict(num_classes=1))
)

train_cfg = dict(max_epochs=250)
optim_wrapper = dict(optimizer=dict(lr=0.0002))
