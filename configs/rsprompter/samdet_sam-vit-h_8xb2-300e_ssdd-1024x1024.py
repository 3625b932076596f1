_base_ = [
    './_base_/samdet.py',
    '../_base_/datasets/ssdd_instance.py',
    '../_base_/schedules/adamw_cosine.py',
    '../_base_/default_runtime.py',
]

sam_arch = 'vit_h'
sam_checkpoint = 'checkpoints/sam_vit_h_4b8939.pth'
model = dict(
    segmentor=dict(sam_arch=sam_arch, sam_checkpoint=sam_checkpoint),
    detector=dict(roi_head=dict(bbox_head=dict(num_classes=1))),
)

train_cfg = dict(max_epochs=300)
