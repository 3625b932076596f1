# A small Pix4Cap that trains from scratch on a CPU, for demos and tests.
# Images are small: the dates meet on maps of an eighth of their size.
_base_ = './pix4cap_mit-b1.py'

channels = (32, 64, 96, 128)
layers = dict(dims=64, heads=4, hidden=128, level=1)
model = dict(
    backbone=dict(
        arch=dict(
            _delete_=True,
            dims=channels,
            depths=(1, 1, 1, 1),
            heads=(1, 2, 3, 4),
            reductions=(4, 2, 1, 1),
        ),
        drop_path=0.0,
    ),
    caption_neck=dict(num_layers=2, **layers),
    caption_head=dict(
        decoder=dict(embed_dims=64, num_layers=2, heads=4, hidden=256),
        max_length=30,
    ),
    mask_neck=layers,
    mask_head=dict(in_channels=channels, dims=64),
    sfa=dict(dims=64, change_channels=64),
)
