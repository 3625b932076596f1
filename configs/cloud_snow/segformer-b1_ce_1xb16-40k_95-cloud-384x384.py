# SegFormer-B1 with cross-entropy on 95-Cloud: 38-Cloud, and the training
# patches of 57 more scenes.
_base_ = [
    './_base_/segformer-b1.py',
    '../_base_/datasets/38cloud.py',
    './_base_/schedule_40k.py',
    '../_base_/iter_runtime.py',
]

model = dict(
    decode_head=dict(num_classes=2),
)

additional = 'data/95-Cloud/95-cloud_training_only_additional_to38-cloud/'
train_dataloader = dict(dataset=dict(additional=additional))
val_dataloader = dict(dataset=dict(additional=additional))
