_base_ = './samcls_sam-vit-b_8xb2-12e_nwpu-1024x1024.py'

sam_arch = 'vit_l'
sam_checkpoint = 'checkpoints/sam_vit_l_0b3195.pth'
model = dict(segmentor=dict(sam_arch=sam_arch, sam_checkpoint=sam_checkpoint))
