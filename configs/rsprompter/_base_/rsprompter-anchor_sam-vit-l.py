# RSPrompter-anchor, with SAM ViT-L.
_base_ = './rsprompter-anchor.py'

sam_arch = 'vit_l'
sam_checkpoint = 'checkpoints/sam_vit_l_0b3195.pth'
model = dict(
    shared_image_embedding=dict(
        sam_arch=sam_arch, sam_checkpoint=sam_checkpoint
    ),
    backbone=dict(sam_arch=sam_arch, sam_checkpoint=sam_checkpoint),
    neck=dict(feature_aggregator=dict(sam_arch=sam_arch)),
    roi_head=dict(
        mask_head=dict(
            mask_decoder=dict(sam_arch=sam_arch, sam_checkpoint=sam_checkpoint)
        )
    ),
)
