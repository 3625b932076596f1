# LEVIR-CC with a teacher's masks of building change beside the training
# images, which tools/pseudo_labels/make_change_pseudo_labels.py writes:
# images/train/pseudo/*.png, 0 and 255. Validation and test have no masks.
_base_ = [
    './_base_/pix4cap_mit-b1.py',
    '../_base_/datasets/levir_cc.py',
    '../_base_/schedules/adam_constant.py',
    '../_base_/default_runtime.py',
]

train_pipeline = [
    dict(type='LoadImagePair'),
    dict(type='LoadPseudoMask', kind='hard', clean=False),
    dict(type='EncodeCaption', max_length=42),
    dict(type='PackChangeInputs'),
]
train_dataloader = dict(
    dataset=dict(
        data_prefix=dict(pseudo='images/{split}/pseudo'),
        metainfo=dict(
            classes=('unchanged', 'building'),
            palette=[(0, 0, 0), (255, 0, 0)],
        ),
        pipeline=train_pipeline,
    )
)

train_cfg = dict(max_epochs=100)
default_hooks = dict(
    checkpoint=dict(save_best='caption/BLEU-4', rule='greater')
)
custom_hooks = [
    dict(type='CheckVocabularyHook'),
    dict(type='EarlyStoppingHook', monitor='caption/BLEU-4', patience=50),
]
