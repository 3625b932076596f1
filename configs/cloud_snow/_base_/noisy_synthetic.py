# The synthetic LEVIR_CS with wrong labels in a part of the training images,
# which depends on the seed; the labels for testing stay true. --cfg-options
# can change all of it:
#     train_dataloader.dataset.pipeline.2.eta=0.2
#     train_dataloader.dataset.pipeline.2.seed=1
# `quality_file` tells which images are noisy: `--injected` of
# tools/dataset_converters/cloud_quality.py writes it.
_base_ = '../../_base_/datasets/synthetic_levir_cs.py'

eta = 0.4
seed = 0
train_pipeline = [
    *_base_.train_pipeline[:2],
    dict(type='SyntheticCloudNoise', eta=eta, seed=seed),
    *_base_.train_pipeline[2:],
]
train_dataloader = dict(
    dataset=dict(
        quality_file='quality_noise-all-eta40-seed0.csv',
        pipeline=train_pipeline,
    )
)
