# The curriculum of images alone, with cross-entropy on all their pixels.
_base_ = [
    './_base_/segformer-b1.py',
    '../_base_/datasets/levir_cs.py',
    './_base_/schedule_40k.py',
    '../_base_/iter_runtime.py',
]

train_dataloader = dict(sampler=dict(_delete_=True, type='CurriculumSampler'))
custom_hooks = [dict(type='CurriculumHook')]
