_base_ = [
    './_base_/rscama_clip-vit-b-32.py',
    '../_base_/datasets/levir_cc_clip.py',
    '../_base_/schedules/adam_constant.py',
    '../_base_/default_runtime.py',
]

default_hooks = dict(
    checkpoint=dict(save_best='caption/BLEU-4', rule='greater')
)
