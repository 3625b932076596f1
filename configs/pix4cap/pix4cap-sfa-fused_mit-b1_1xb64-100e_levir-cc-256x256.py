# The captions see the mask decoder's fused map instead of both dates'.
_base_ = './pix4cap_mit-b1_1xb64-100e_levir-cc-256x256.py'

model = dict(
    sfa=dict(_delete_=True, type='FusedSFA', dims=512, change_channels=128)
)
