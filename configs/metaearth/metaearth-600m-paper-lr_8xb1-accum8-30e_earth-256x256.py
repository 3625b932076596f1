# The learning rate that the paper names. It may be a rate that is meant to be
# multiplied by the batch, which would make it 1.28e-4 on eight GPUs: the paper
# does not say.
_base_ = './metaearth-600m_8xb1-accum8-30e_earth-256x256.py'

optim_wrapper = dict(optimizer=dict(lr=2e-6))
