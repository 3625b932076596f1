# Cross-entropy on the clean images alone, for as many iterations.
_base_ = [
    './_base_/segformer-b1.py',
    '../_base_/datasets/levir_cs.py',
    './_base_/schedule_40k.py',
    '../_base_/iter_runtime.py',
]

train_dataloader = dict(
    sampler=dict(
        _delete_=True,
        type='CurriculumSampler',
        stages=[dict(until=1.0, noisy=0.0)],
    )
)
custom_hooks = [dict(type='CurriculumHook')]
