# A small RSCaMa that trains from scratch on a CPU, for demos and tests. CLIP
# does not learn from few images: a small MiT takes its place.
_base_ = './rscama_clip-vit-b-32.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='MiTBackbone',
        arch=dict(
            dims=(16, 32, 64),
            depths=(1, 1, 1),
            heads=(1, 1, 2),
            reductions=(4, 2, 1),
        ),
        out_indices=(2,),
        drop_path=0.0,
    ),
    caption_neck=dict(dims=64, num_layers=2, grid=4, init='mamba'),
    caption_head=dict(
        decoder=dict(
            embed_dims=64, num_layers=2, heads=4, hidden=256, dropout=0.0
        ),
        max_length=30,
    ),
)
