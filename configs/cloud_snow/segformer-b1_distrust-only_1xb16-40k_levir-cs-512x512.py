# The distrust of pixels alone: all images take part at all times.
_base_ = './segformer-b1_ce_1xb16-40k_levir-cs-512x512.py'

model = dict(_delete_=True, type='NoisyLabelSegmentor', segmentor=_base_.model)
custom_hooks = [dict(type='CurriculumHook')]
