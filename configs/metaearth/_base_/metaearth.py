# MetaEarth in the paper's size. Presets, P2's constants and the meaning of
# "linear" are ours: see the method's page.
model = dict(
    type='MetaEarth',
    preset='metaearth_600m',
    scheduler=dict(
        num_train_timesteps=1000,
        beta_start=0.0015,
        beta_end=0.0155,
        beta_schedule='scaled_linear',
        timestep_spacing='leading',
    ),
    loss=dict(type='P2Loss', k=1.0, gamma=1.0),
    gradient_checkpointing=True,
    channels_last=True,
    test_cfg=dict(num_inference_steps=50, eta=0.0, seed=0),
)
