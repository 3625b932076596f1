# Clean images first, then noisy ones too, and their labels only as far as a
# teacher does not contradict them.
_base_ = [
    './_base_/segformer-b2.py',
    '../_base_/datasets/levir_cs.py',
    './_base_/schedule_40k.py',
    '../_base_/iter_runtime.py',
]

model = dict(_delete_=True, type='NoisyLabelSegmentor', segmentor=_base_.model)
train_dataloader = dict(sampler=dict(_delete_=True, type='CurriculumSampler'))
custom_hooks = [dict(type='CurriculumHook')]
