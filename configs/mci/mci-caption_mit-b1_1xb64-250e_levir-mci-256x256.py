# Captions alone, to see what the masks teach them.
_base_ = './mci_mit-b1_1xb64-250e_levir-mci-256x256.py'

model = dict(mask_neck=None, mask_head=None, loss_balancer=None)
default_hooks = dict(checkpoint=dict(save_best='caption/BLEU-4'))
val_evaluator = dict(_delete_=True, type='ChangeCaptionMetric', protocol='ids')
test_evaluator = val_evaluator
