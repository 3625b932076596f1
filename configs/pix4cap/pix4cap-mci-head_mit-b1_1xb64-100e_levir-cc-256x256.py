# The larger mask head of MCI.
_base_ = './pix4cap_mit-b1_1xb64-100e_levir-cc-256x256.py'

model = dict(
    mask_head=dict(
        _delete_=True,
        type='MCIMaskHead',
        in_channels=(64, 128, 320, 512),
        num_classes=2,
    )
)
