# Masks of a teacher of building change: tools/pseudo_labels/
# make_change_pseudo_labels.py writes them.
_base_ = [
    './_base_/pix4cap_mit-b1.py',
    '../_base_/datasets/levir_cc_pseudo.py',
    '../_base_/schedules/adam_constant.py',
    '../_base_/default_runtime.py',
]

train_cfg = dict(max_epochs=100)
default_hooks = dict(
    checkpoint=dict(save_best='caption/BLEU-4', rule='greater')
)
custom_hooks = [
    dict(type='CheckVocabularyHook'),
    dict(type='EarlyStoppingHook', monitor='caption/BLEU-4', patience=50),
]
