# Ablation of the paper: 2304 tokens. The size before the centre crop is ours.
_base_ = './rsmamba-b_8xb16-500e_aid-224x224.py'

img_size = 384
model = dict(backbone=dict(img_size=img_size))

train_pipeline = _base_.train_pipeline
train_pipeline[1]['scale'] = img_size
test_pipeline = _base_.test_pipeline
test_pipeline[1]['scale'] = 438
test_pipeline[2]['crop_size'] = img_size
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
