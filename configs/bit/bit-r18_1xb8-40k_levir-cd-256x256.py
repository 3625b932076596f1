# The teacher of pseudo-labels for LEVIR-CC. LEVIR-CC was cut from the imagery
# of LEVIR-CD: the teacher may have learnt from places of its test split.
_base_ = [
    './_base_/bit-r18.py',
    '../_base_/datasets/levir_cd.py',
    '../_base_/schedules/adamw_40k.py',
    '../_base_/iter_runtime.py',
]

default_hooks = dict(
    checkpoint=dict(save_best='mask/change_F1', rule='greater')
)
