# Ours: training ends with pure noise, as sampling starts; predicts v.
_base_ = './metaearth-600m_8xb1-accum8-30e_earth-256x256.py'

model = dict(
    scheduler=dict(
        prediction_type='v_prediction',
        rescale_betas_zero_snr=True,
        timestep_spacing='trailing',
    )
)
