# SAM-seg with the heads of Mask R-CNN, with SAM ViT-H.
_base_ = './samseg-maskrcnn.py'

sam_arch = 'vit_h'
sam_checkpoint = 'checkpoints/sam_vit_h_4b8939.pth'
model = dict(
    backbone=dict(sam_arch=sam_arch, sam_checkpoint=sam_checkpoint),
    neck=dict(feature_aggregator=dict(sam_arch=sam_arch)),
)
