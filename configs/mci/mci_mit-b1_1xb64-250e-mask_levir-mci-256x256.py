# Stage 3 of the paper: the mask branch alone. Give the checkpoint of stage 2:
#     python tools/train.py CONFIG --cfg-options load_from=STAGE2.pth
_base_ = './mci_mit-b1_1xb64-250e_levir-mci-256x256.py'

model = dict(loss_balancer=dict(type='SumLosses'))
find_unused_parameters = True
default_hooks = dict(checkpoint=dict(save_best='mask/mIoU'))
custom_hooks = [
    dict(type='CheckVocabularyHook'),
    dict(type='FreezeHook', trainable=['mask_neck', 'mask_head']),
]
