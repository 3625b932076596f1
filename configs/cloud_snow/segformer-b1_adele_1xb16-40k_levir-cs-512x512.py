# ADELE. A period is an epoch of the 2761 training images.
_base_ = './segformer-b1_ce_1xb16-40k_levir-cs-512x512.py'

model = dict(
    _delete_=True, type='AdeleSegmentor', segmentor=_base_.model, period=173
)
