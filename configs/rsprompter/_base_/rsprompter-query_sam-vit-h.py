# RSPrompter-query, with SAM ViT-H.
_base_ = './rsprompter-query.py'

sam_arch = 'vit_h'
sam_checkpoint = 'checkpoints/sam_vit_h_4b8939.pth'
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
