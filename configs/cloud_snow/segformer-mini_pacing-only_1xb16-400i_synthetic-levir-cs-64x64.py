# The curriculum of images alone, with cross-entropy on all their pixels.
_base_ = './segformer-mini_ce_1xb16-400i_synthetic-levir-cs-64x64.py'

train_dataloader = dict(sampler=dict(_delete_=True, type='CurriculumSampler'))
custom_hooks = [dict(type='CurriculumHook')]
