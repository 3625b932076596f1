# A small RSMamba that trains from scratch on a CPU, for demos and tests. Its
# steps start as Mamba's, each block has its norm, and batches are not mixed:
# it learns in fewer epochs so.
_base_ = './rsmamba-b.py'

model = dict(
    backbone=dict(
        arch=dict(
            _delete_=True,
            embed_dims=64,
            num_layers=4,
            feedforward_channels=128,
        ),
        img_size=64,
        patch_size=8,
        patch_cfg=dict(stride=4),
        dt_init='mamba',
        share_pre_norm=False,
    ),
    head=dict(in_channels=64),
    train_cfg=None,
)
