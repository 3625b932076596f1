# Adam with a constant learning rate and no weight decay, as the captioners of
# the LEVIR-CC family are trained. The learning rate is that of a batch of 64.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=80, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4))
auto_scale_lr = dict(enable=False, base_batch_size=64)
