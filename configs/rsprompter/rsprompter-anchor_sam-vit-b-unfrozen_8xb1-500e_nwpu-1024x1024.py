# What the authors' released code does, where it differs from the paper: the
# encoder is trained, at twice the learning rate.
_base_ = './rsprompter-anchor_sam-vit-b_8xb2-300e_nwpu-1024x1024.py'

model = dict(backbone=dict(freeze_encoder=False))
train_dataloader = dict(batch_size=1)
train_cfg = dict(max_epochs=500)
optim_wrapper = dict(optimizer=dict(lr=2e-4))
