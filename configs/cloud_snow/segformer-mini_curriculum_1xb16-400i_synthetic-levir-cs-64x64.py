# Clean images first, then noisy ones too, and their labels only as far as a
# teacher does not contradict them.
_base_ = [
    './_base_/segformer-mini.py',
    '../_base_/datasets/synthetic_levir_cs.py',
    './_base_/schedule_400i.py',
]

model = dict(_delete_=True, type='NoisyLabelSegmentor', segmentor=_base_.model)
train_dataloader = dict(sampler=dict(_delete_=True, type='CurriculumSampler'))
custom_hooks = [dict(type='CurriculumHook')]
