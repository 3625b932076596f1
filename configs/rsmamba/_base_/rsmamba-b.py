# RSMamba-B: patches of 16 px, 8 px apart, scanned forward, in reverse and
# shuffled. A config that inherits this sets model.head.num_classes.
model = dict(
    type='mmpretrain.ImageClassifier',
    backbone=dict(
        type='RSMamba',
        arch='b',
        img_size=224,
        patch_size=16,
        patch_cfg=dict(stride=8),
        path_type='forward_reverse_shuffle_gate',
        pe_type='learnable',
        cls_position='none',
        out_type='avg_featmap',
        init_cfg=dict(
            type='Kaiming',
            layer='Conv2d',
            mode='fan_in',
            nonlinearity='linear',
        ),
    ),
    head=dict(
        type='mmpretrain.LinearClsHead',
        num_classes=21,
        in_channels=192,
        init_cfg=None,  # PyTorch's own, as in the release
        loss=dict(
            type='mmpretrain.LabelSmoothLoss',
            label_smooth_val=0.1,
            mode='original',
        ),
    ),
    # One of the two for each batch.
    train_cfg=dict(
        augments=[
            dict(type='Mixup', alpha=0.8),
            dict(type='CutMix', alpha=1.0),
        ]
    ),
)
