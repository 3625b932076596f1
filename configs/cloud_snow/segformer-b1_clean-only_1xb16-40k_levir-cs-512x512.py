# Cross-entropy on the clean images alone, for as many iterations.
_base_ = './segformer-b1_ce_1xb16-40k_levir-cs-512x512.py'

train_dataloader = dict(
    sampler=dict(
        _delete_=True,
        type='CurriculumSampler',
        stages=[dict(until=1.0, noisy=0.0)],
    )
)
custom_hooks = [dict(type='CurriculumHook')]
