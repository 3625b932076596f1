# The paper's ablation: a network that is not told the resolution.
_base_ = './metaearth-600m_8xb1-accum8-30e_earth-256x256.py'

model = dict(unet=dict(resolution_transform='none'))
