# The curriculum of images alone, with cross-entropy on all their pixels.
_base_ = [
    './_base_/segformer-mini.py',
    '../_base_/datasets/synthetic_levir_cs.py',
    './_base_/schedule_400i.py',
]

train_dataloader = dict(sampler=dict(_delete_=True, type='CurriculumSampler'))
custom_hooks = [dict(type='CurriculumHook')]
