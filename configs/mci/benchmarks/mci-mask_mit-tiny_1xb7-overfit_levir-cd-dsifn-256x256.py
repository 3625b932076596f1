# Learns the masks of 21 real pairs by heart on a CPU:
#     for N in levir_cd dsifn; do
#         python tools/dataset_converters/pairs_to_levir_mci.py \
#             data/change_pairs/$N data/${N/_/-}-pairs \
#             --all-in train val test
#     done
#     python tools/train.py CONFIG
_base_ = [
    '../_base_/mci_mit-tiny.py',
    '../../_base_/datasets/levir_mci.py',
    '../../_base_/schedules/adamw_minutes.py',
    '../../_base_/default_runtime.py',
]

model = dict(
    caption_neck=None,
    caption_head=None,
    loss_balancer=None,
    mask_head=dict(dice_weight=1.0),
)
pipeline = [
    dict(type='LoadImagePair'),
    dict(type='LoadChangeMask'),
    dict(type='PackChangeInputs'),
]
pairs = [
    dict(
        type='LEVIRMCIDataset',
        ann_file='',
        data_root=root,
        split='train',
        pipeline=pipeline,
    )
    for root in ('data/levir-cd-pairs/', 'data/dsifn-pairs/')
]
train_dataloader = dict(
    batch_size=7,
    num_workers=0,
    dataset=dict(
        _delete_=True,
        type='RepeatDataset',
        times=4,
        dataset=dict(type='ConcatDataset', datasets=pairs),
    ),
)
val_dataloader = dict(
    batch_size=7,
    num_workers=0,
    dataset=dict(_delete_=True, type='ConcatDataset', datasets=pairs),
)
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='ChangeMaskMetric')
test_evaluator = val_evaluator
custom_hooks = []
default_hooks = dict(logger=dict(interval=12))
