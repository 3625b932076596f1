# Ours: scans that start as Mamba's, AdamW with a decaying rate, and flips
# whose captions change left and right too.
_base_ = './rscama_clip-vit-b-32_1xb64-80e_levir-cc-224x224.py'

model = dict(caption_neck=dict(init='mamba'))
train_pipeline = _base_.train_pipeline
train_pipeline.insert(
    1,
    dict(
        type='FlipPair',
        prob=0.75,
        direction=['horizontal', 'vertical', 'diagonal'],
    ),
)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=1e-4, weight_decay=0.05),
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
