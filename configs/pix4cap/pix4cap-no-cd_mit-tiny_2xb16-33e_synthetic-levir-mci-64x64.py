# The same without pseudo-labels, and so without masks.
_base_ = './pix4cap_mit-tiny_2xb16-33e_synthetic-levir-mci-64x64.py'

model = dict(mask_neck=None, mask_head=None, sfa=None, loss_balancer=None)
train_pipeline = _base_.train_pipeline
train_pipeline.pop(1)
train_dataloader = dict(
    dataset=dict(data_prefix=dict(pseudo=None), pipeline=train_pipeline)
)
val_evaluator = dict(_delete_=True, type='ChangeCaptionMetric', protocol='ids')
test_evaluator = val_evaluator
