# The distrust of pixels alone: all images take part at all times.
_base_ = [
    './_base_/segformer-mini.py',
    '../_base_/datasets/synthetic_levir_cs.py',
    './_base_/schedule_400i.py',
]

model = dict(_delete_=True, type='NoisyLabelSegmentor', segmentor=_base_.model)
custom_hooks = [dict(type='CurriculumHook')]
