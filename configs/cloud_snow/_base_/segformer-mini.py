# SegFormer-B0 made small, to train from scratch on a CPU.
_base_ = './segformer-b1.py'

model = dict(
    backbone=dict(
        embed_dims=16,
        num_layers=[1, 1, 1, 1],
        num_heads=[1, 2, 5, 8],
        drop_path_rate=0.0,
    ),
    decode_head=dict(
        in_channels=[16, 32, 80, 128], channels=64, dropout_ratio=0.0
    ),
    test_cfg=dict(_delete_=True, mode='whole'),
)

load_from = None
custom_hooks = []
