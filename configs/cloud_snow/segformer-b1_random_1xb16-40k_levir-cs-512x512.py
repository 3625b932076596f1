# As many images take part as in the curriculum, but chosen at random.
_base_ = './segformer-b1_ce_1xb16-40k_levir-cs-512x512.py'

train_dataloader = dict(
    sampler=dict(_delete_=True, type='CurriculumSampler', order='random')
)
custom_hooks = [dict(type='CurriculumHook')]
