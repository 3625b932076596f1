_base_ = './samcls_sam-vit-b_8xb2-12e_nwpu-1024x1024.py'

sam_arch = 'vit_h'
sam_checkpoint = 'checkpoints/sam_vit_h_4b8939.pth'
model = dict(segmentor=dict(sam_arch=sam_arch, sam_checkpoint=sam_checkpoint))
