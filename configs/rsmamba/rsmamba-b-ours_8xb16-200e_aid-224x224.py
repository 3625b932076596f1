# Not of the paper: what we expect to train faster. Steps that start as Mamba's,
# a norm for each block, blocks skipped at random, and weight decay for the
# matrices of linear layers and convolutions alone.
_base_ = './rsmamba-b_8xb16-500e_aid-224x224.py'

model = dict(
    backbone=dict(dt_init='mamba', share_pre_norm=False, drop_path_rate=0.1)
)

train_cfg = dict(max_epochs=200)
optim_wrapper = dict(
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        flat_decay_mult=0.0,  # D
        custom_keys={
            'A_log': dict(decay_mult=0.0),
            'pos_embed': dict(decay_mult=0.0),
        },
    )
)
