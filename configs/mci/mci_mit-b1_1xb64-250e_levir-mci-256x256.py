# Stage 1 of the paper: both branches at once. Stages 2 and 3 go on from its
# best checkpoint.
_base_ = [
    './_base_/mci_mit-b1.py',
    '../_base_/datasets/levir_mci.py',
    '../_base_/schedules/adam_constant.py',
    '../_base_/default_runtime.py',
]

train_cfg = dict(max_epochs=250)
# The release keeps the best sum of mIoU and BLEU-4; here the best of each is
# kept. Training stops after 50 epochs without a better BLEU-4.
default_hooks = dict(
    checkpoint=dict(save_best=['caption/BLEU-4', 'mask/mIoU']),
)
custom_hooks = [
    dict(type='CheckVocabularyHook'),
    dict(type='EarlyStoppingHook', monitor='caption/BLEU-4', patience=50),
]
