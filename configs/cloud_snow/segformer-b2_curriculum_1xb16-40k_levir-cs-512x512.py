# Clean images first, then noisy ones too, and their labels only as far as a
# teacher does not contradict them.
_base_ = './segformer-b2_ce_1xb16-40k_levir-cs-512x512.py'

model = dict(_delete_=True, type='NoisyLabelSegmentor', segmentor=_base_.model)
train_dataloader = dict(sampler=dict(_delete_=True, type='CurriculumSampler'))
custom_hooks = [dict(type='CurriculumHook')]
