# A teacher that has seen no imagery of LEVIR-CC.
_base_ = [
    './_base_/bit-r18.py',
    '../_base_/datasets/whu_cd.py',
    '../_base_/schedules/adamw_40k.py',
    '../_base_/iter_runtime.py',
]

default_hooks = dict(
    checkpoint=dict(save_best='mask/change_F1', rule='greater')
)
