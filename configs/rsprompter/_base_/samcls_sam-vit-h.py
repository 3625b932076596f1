# SAM-cls, with SAM ViT-H.
_base_ = './samcls.py'

sam_arch = 'vit_h'
sam_checkpoint = 'checkpoints/sam_vit_h_4b8939.pth'
model = dict(segmentor=dict(sam_arch=sam_arch, sam_checkpoint=sam_checkpoint))
