# Two real scenes for training, the third for testing:
#     python tools/train.py CONFIG
# The other two rotations:
#     --cfg-options train_dataloader.dataset.scenes="['landsat5','sentinel2']" \
#         val_dataloader.dataset.scenes="['landsat7']" \
#         test_dataloader.dataset.scenes="['landsat7']"
_base_ = [
    '../_base_/segformer-mini.py',
    '../../_base_/datasets/csmask.py',
    '../_base_/schedule_400i.py',
]

model = dict(
    backbone=dict(in_channels=6),
    decode_head=dict(num_classes=5),
)
