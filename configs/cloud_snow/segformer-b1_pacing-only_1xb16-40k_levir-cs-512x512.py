# The curriculum of images alone, with cross-entropy on all their pixels.
_base_ = './segformer-b1_ce_1xb16-40k_levir-cs-512x512.py'

train_dataloader = dict(sampler=dict(_delete_=True, type='CurriculumSampler'))
custom_hooks = [dict(type='CurriculumHook')]
