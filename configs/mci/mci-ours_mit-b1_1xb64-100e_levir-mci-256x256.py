# Ours, in one run: AdamW with a decaying rate, flips whose captions change
# left and right too, and learnt weights of the two losses.
_base_ = './mci_mit-b1_1xb64-250e_levir-mci-256x256.py'

model = dict(
    mask_head=dict(dice_weight=1.0), loss_balancer=dict(type='Uncertainty')
)
train_pipeline = _base_.train_pipeline
train_pipeline.insert(
    2,
    dict(
        type='FlipPair',
        prob=0.75,
        direction=['horizontal', 'vertical', 'diagonal'],
    ),
)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

train_cfg = dict(max_epochs=100, val_interval=2)
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=2e-4, weight_decay=0.05),
    clip_grad=dict(max_norm=5.0),
)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.01,
        by_epoch=True,
        begin=0,
        end=3,
        convert_to_iter_based=True,
    ),
    dict(type='CosineAnnealingLR', eta_min=1e-6, by_epoch=True, begin=3),
]
custom_hooks = [dict(type='CheckVocabularyHook')]
