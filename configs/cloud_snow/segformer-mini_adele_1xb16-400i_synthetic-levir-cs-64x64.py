# ADELE. A period is an epoch of the 480 training images.
_base_ = [
    './_base_/segformer-mini.py',
    '../_base_/datasets/synthetic_levir_cs.py',
    './_base_/schedule_400i.py',
]

model = dict(
    _delete_=True, type='AdeleSegmentor', segmentor=_base_.model, period=30
)
