# The distrust of pixels alone: all images take part at all times.
_base_ = './segformer-mini_ce_1xb16-400i_synthetic-levir-cs-64x64.py'

model = dict(_delete_=True, type='NoisyLabelSegmentor', segmentor=_base_.model)
custom_hooks = [dict(type='CurriculumHook')]
