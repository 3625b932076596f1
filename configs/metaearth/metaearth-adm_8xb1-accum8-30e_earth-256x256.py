# The U-Net of ADM for 256 px, with attention at three levels.
_base_ = './metaearth-600m_8xb1-accum8-30e_earth-256x256.py'

model = dict(preset='metaearth_adm')
