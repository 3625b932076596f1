# RSPrompter-query, with SAM ViT-L.
_base_ = './rsprompter-query.py'

sam_arch = 'vit_l'
sam_checkpoint = 'checkpoints/sam_vit_l_0b3195.pth'
model = dict(
    shared_image_embedding=dict(
        sam_arch=sam_arch, sam_checkpoint=sam_checkpoint
    ),
    backbone=dict(sam_arch=sam_arch, sam_checkpoint=sam_checkpoint),
    neck=dict(feature_aggregator=dict(sam_arch=sam_arch)),
    panoptic_head=dict(
        mask_decoder=dict(sam_arch=sam_arch, sam_checkpoint=sam_checkpoint)
    ),
)
