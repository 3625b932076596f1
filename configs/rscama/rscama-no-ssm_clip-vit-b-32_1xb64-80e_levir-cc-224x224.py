_base_ = './rscama_clip-vit-b-32_1xb64-80e_levir-cc-224x224.py'

model = dict(caption_neck=dict(use_sd=False, use_tt=False))
