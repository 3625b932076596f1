# RSPrompter-anchor, with SAM ViT-H.
_base_ = './rsprompter-anchor.py'

sam_arch = 'vit_h'
sam_checkpoint = 'checkpoints/sam_vit_h_4b8939.pth'
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
