# Cross-entropy on the clean images alone, for as many iterations.
_base_ = [
    './_base_/segformer-mini.py',
    '../_base_/datasets/synthetic_levir_cs.py',
    './_base_/schedule_400i.py',
]

train_dataloader = dict(
    sampler=dict(
        _delete_=True,
        type='CurriculumSampler',
        stages=[dict(until=1.0, noisy=0.0)],
    )
)
custom_hooks = [dict(type='CurriculumHook')]
