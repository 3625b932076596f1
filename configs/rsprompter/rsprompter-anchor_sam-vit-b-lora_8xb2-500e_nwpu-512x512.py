# Images of 512 px and a LoRA-tuned encoder, for cards of 11 to 24 GB.
_base_ = './rsprompter-anchor_sam-vit-b_8xb2-300e_nwpu-1024x1024.py'

img_size = 512
model = dict(
    data_preprocessor=dict(pad_size_divisor=img_size),
    backbone=dict(img_size=img_size, lora=dict(r=16, alpha=32, dropout=0.05)),
    neck=dict(
        feature_aggregator=dict(_delete_=True, type='PseudoFeatureAggregator')
    ),
)

train_pipeline = _base_.train_pipeline
train_pipeline[3]['scale'] = (img_size, img_size)
train_pipeline[4]['crop_size'] = (img_size, img_size)
test_pipeline = _base_.test_pipeline
test_pipeline[1]['scale'] = (img_size, img_size)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

train_cfg = dict(max_epochs=500)
