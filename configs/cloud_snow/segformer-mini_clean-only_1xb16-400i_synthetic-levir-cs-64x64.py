# Cross-entropy on the clean images alone, for as many iterations.
_base_ = './segformer-mini_ce_1xb16-400i_synthetic-levir-cs-64x64.py'

train_dataloader = dict(
    sampler=dict(
        _delete_=True,
        type='CurriculumSampler',
        stages=[dict(until=1.0, noisy=0.0)],
    )
)
custom_hooks = [dict(type='CurriculumHook')]
