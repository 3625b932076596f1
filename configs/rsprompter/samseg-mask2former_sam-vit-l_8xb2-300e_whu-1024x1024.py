_base_ = './samseg-mask2former_sam-vit-b_8xb2-300e_whu-1024x1024.py'

sam_arch = 'vit_l'
sam_checkpoint = 'checkpoints/sam_vit_l_0b3195.pth'
model = dict(
    backbone=dict(sam_arch=sam_arch, sam_checkpoint=sam_checkpoint),
    neck=dict(feature_aggregator=dict(sam_arch=sam_arch)),
)
