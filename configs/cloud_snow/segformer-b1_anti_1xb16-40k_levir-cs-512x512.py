# As many images take part as in the curriculum, but the hardest first.
_base_ = [
    './_base_/segformer-b1.py',
    '../_base_/datasets/levir_cs.py',
    './_base_/schedule_40k.py',
    '../_base_/iter_runtime.py',
]

train_dataloader = dict(
    sampler=dict(_delete_=True, type='CurriculumSampler', order='anti')
)
custom_hooks = [dict(type='CurriculumHook')]
