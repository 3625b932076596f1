# For one small GPU.
_base_ = './metaearth-150m_8xb8-30e_earth-256x256.py'

model = dict(preset='metaearth_mini', gradient_checkpointing=False)
train_dataloader = dict(batch_size=16)
