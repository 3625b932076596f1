# Without the mask branch: what the pseudo-labels are compared with.
_base_ = './pix4cap_mit-b1_1xb64-100e_levir-cc-256x256.py'

model = dict(mask_neck=None, mask_head=None, sfa=None, loss_balancer=None)
# No masks are read, so that the pseudo-labels need not be there.
train_pipeline = [
    dict(type='LoadImagePair'),
    dict(type='EncodeCaption', max_length=42),
    dict(type='PackChangeInputs'),
]
train_dataloader = dict(
    dataset=dict(data_prefix=dict(pseudo=None), pipeline=train_pipeline)
)
