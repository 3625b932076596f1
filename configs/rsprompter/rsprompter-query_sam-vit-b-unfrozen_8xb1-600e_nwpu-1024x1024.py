# What the authors' released code does, where it differs from the paper: the
# encoder is trained, and the mask decoder starts from random weights.
_base_ = './rsprompter-query_sam-vit-b_8xb2-500e_nwpu-1024x1024.py'

model = dict(
    backbone=dict(freeze_encoder=False),
    panoptic_head=dict(load_decoder=False),
)
train_dataloader = dict(batch_size=1)
train_cfg = dict(max_epochs=600)
