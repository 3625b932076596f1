# SAM-cls, with SAM ViT-L.
_base_ = './samcls.py'

sam_arch = 'vit_l'
sam_checkpoint = 'checkpoints/sam_vit_l_0b3195.pth'
model = dict(segmentor=dict(sam_arch=sam_arch, sam_checkpoint=sam_checkpoint))
