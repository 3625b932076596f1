# Ablation of the paper: sines and cosines (there "Fourier") as position
# embedding. The release overwrites its table with noise before training, so
# that the paper's figure may be that of noise.
_base_ = './rsmamba-b_8xb16-500e_aid-224x224.py'

model = dict(backbone=dict(pe_type='sine'))
