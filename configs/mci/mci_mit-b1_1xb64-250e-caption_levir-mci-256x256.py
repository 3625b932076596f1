# Stage 2 of the paper: the caption branch alone. Give the checkpoint of
# stage 1:
#     python tools/train.py CONFIG --cfg-options load_from=STAGE1.pth
_base_ = './mci_mit-b1_1xb64-250e_levir-mci-256x256.py'

model = dict(loss_balancer=dict(type='SumLosses'))
find_unused_parameters = True
custom_hooks = [
    dict(type='CheckVocabularyHook'),
    dict(type='FreezeHook', trainable=['caption_neck', 'caption_head']),
    dict(type='EarlyStoppingHook', monitor='caption/BLEU-4', patience=50),
]
