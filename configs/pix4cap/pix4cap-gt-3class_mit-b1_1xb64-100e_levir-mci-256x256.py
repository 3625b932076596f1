# The masks that people drew, of roads and buildings, instead of pseudo-labels:
# the upper bound.
_base_ = [
    './_base_/pix4cap_mit-b1.py',
    '../_base_/datasets/levir_mci.py',
    '../_base_/schedules/adam_constant.py',
    '../_base_/default_runtime.py',
]

model = dict(
    caption_head=dict(num_words=468, max_length=41),
    mask_head=dict(num_classes=3),
)
train_cfg = dict(max_epochs=100)
default_hooks = dict(
    checkpoint=dict(save_best='caption/BLEU-4', rule='greater')
)
custom_hooks = [
    dict(type='CheckVocabularyHook'),
    dict(type='EarlyStoppingHook', monitor='caption/BLEU-4', patience=50),
]
