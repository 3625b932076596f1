# The teacher of pseudo-labels for LEVIR-CC. LEVIR-CC was cut from the imagery
# of LEVIR-CD: the teacher may have learnt from places of its test split.
_base_ = [
    './_base_/bit-r18.py',
    '../_base_/datasets/levir_cd.py',
    '../_base_/schedules/adamw_40k.py',
    '../_base_/default_runtime.py',
]

default_hooks = dict(
    logger=dict(log_metric_by_epoch=False),
    checkpoint=dict(
        by_epoch=False,
        interval=4000,
        save_best='mask/change_F1',
        rule='greater',
    ),
)
log_processor = dict(by_epoch=False)
