# A teacher that has seen no imagery of LEVIR-CC.
_base_ = [
    './_base_/bit-r18.py',
    '../_base_/datasets/whu_cd.py',
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
