# ADELE. A period is an epoch of the 480 training images.
_base_ = './segformer-mini_ce_1xb16-400i_synthetic-levir-cs-64x64.py'

model = dict(
    _delete_=True, type='AdeleSegmentor', segmentor=_base_.model, period=30
)
