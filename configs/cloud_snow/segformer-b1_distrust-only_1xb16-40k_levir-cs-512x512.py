# The distrust of pixels alone: all images take part at all times.
_base_ = [
    './_base_/segformer-b1.py',
    '../_base_/datasets/levir_cs.py',
    './_base_/schedule_40k.py',
    '../_base_/iter_runtime.py',
]

model = dict(_delete_=True, type='NoisyLabelSegmentor', segmentor=_base_.model)
custom_hooks = [dict(type='CurriculumHook')]
