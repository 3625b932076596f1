# A small MCI that trains from scratch on a CPU, for demos and tests. Images
# are small: the dates meet on maps of a sixteenth of their size.
_base_ = './mci_mit-b1.py'

channels = (16, 32, 64)
neck = dict(dims=64, heads=4, hidden=128, dropout=0.0)
model = dict(
    backbone=dict(
        arch=dict(
            _delete_=True,
            dims=channels,
            depths=(1, 1, 1),
            heads=(1, 1, 2),
            reductions=(4, 2, 1),
        ),
        out_indices=(0, 1, 2),
        drop_path=0.0,
    ),
    caption_neck=dict(num_layers=2, **neck),
    caption_head=dict(
        decoder=dict(
            embed_dims=64, num_layers=2, heads=4, hidden=256, dropout=0.0
        ),
        max_length=30,
    ),
    mask_neck=dict(num_layers=1, **neck),
    mask_head=dict(in_channels=channels),
    loss_balancer=dict(type='SumLosses'),
)
