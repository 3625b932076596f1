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

train_cfg = dict(max_epochs=500)
