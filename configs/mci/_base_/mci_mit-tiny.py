# A small MCI that trains from scratch on a CPU, for demos and tests. Images
# are small: the dates meet on maps of an eighth of their size.
_base_ = './mci_mit-b1.py'

neck = dict(dims=64, num_layers=2, heads=4, hidden=128, level=1)
model = dict(
    backbone=dict(
        arch=dict(
            _delete_=True,
            dims=(32, 64, 96, 128),
            depths=(1, 1, 1, 1),
            heads=(1, 2, 3, 4),
            reductions=(4, 2, 1, 1),
        ),
        drop_path=0.0,
    ),
    caption_neck=neck,
    caption_head=dict(
        decoder=dict(embed_dims=64, num_layers=2, heads=4, hidden=256),
        max_length=30,
    ),
    mask_neck=neck,
    mask_head=dict(in_channels=(32, 64, 96, 128)),
    loss_balancer=dict(type='SumLosses'),
)
