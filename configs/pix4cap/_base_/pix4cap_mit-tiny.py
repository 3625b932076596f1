# A small Pix4Cap that trains from scratch on a CPU, for demos and tests.
# Images are small: the dates meet on maps of a sixteenth of their size.
_base_ = './pix4cap_mit-b1.py'

channels = (16, 32, 64)
layers = dict(dims=64, heads=4, hidden=128, dropout=0.0)
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
    caption_neck=dict(num_layers=2, **layers),
    caption_head=dict(
        decoder=dict(
            embed_dims=64, num_layers=2, heads=4, hidden=256, dropout=0.0
        ),
        max_length=30,
    ),
    mask_neck=layers,
    mask_head=dict(in_channels=channels, dims=64),
    sfa=dict(dims=64, change_channels=64),
)
