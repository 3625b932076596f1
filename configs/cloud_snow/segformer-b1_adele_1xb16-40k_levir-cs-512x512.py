# ADELE. A period is an epoch of the 2761 training images.
_base_ = [
    './_base_/segformer-b1.py',
    '../_base_/datasets/levir_cs.py',
    './_base_/schedule_40k.py',
    '../_base_/iter_runtime.py',
]

model = dict(
    _delete_=True, type='AdeleSegmentor', segmentor=_base_.model, period=173
)
