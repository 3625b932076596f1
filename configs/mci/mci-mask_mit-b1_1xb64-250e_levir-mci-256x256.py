# Masks alone, to see what the captions teach them.
_base_ = './mci_mit-b1_1xb64-250e_levir-mci-256x256.py'

model = dict(caption_neck=None, caption_head=None, loss_balancer=None)
default_hooks = dict(checkpoint=dict(save_best='mask/mIoU'))
val_evaluator = dict(_delete_=True, type='ChangeMaskMetric')
test_evaluator = val_evaluator
custom_hooks = []
