# Synthetic scenes of 64 px in the layout of LEVIR_CS, which
#     python tools/misc/make_synthetic.py --layout levir-cs --seed 0 \
#         --num 800 --size 64 --out data/synthetic-levir-cs
# writes: 640 for training, a tenth of them for validation, and 160 for
# testing. The statistics are of 160 of these for training.
#
# A part of the training labels is made wrong, which depends on the seed; the
# labels for testing stay true. --cfg-options can change all of it:
#     train_dataloader.dataset.pipeline.2.eta=0.2
#     train_dataloader.dataset.pipeline.2.seed=1
# `quality_file` tells which images are noisy: `--injected` of
# tools/dataset_converters/cloud_quality.py writes it.
_base_ = './levir_cs.py'

data_root = 'data/synthetic-levir-cs/'

data_preprocessor = dict(
    mean=[0.344, 0.360, 0.338, 0.401],
    std=[0.269, 0.259, 0.267, 0.227],
    size=(64, 64),
)

# Without enlargement: the scenes are as large as the crops.
eta = 0.4
seed = 0
train_pipeline = [
    *_base_.train_pipeline[:2],
    dict(type='SyntheticCloudNoise', eta=eta, seed=seed),
    *_base_.train_pipeline[3:],
]
train_dataloader = dict(
    num_workers=0,
    dataset=dict(
        data_root=data_root,
        quality_file='quality_noise-all-eta40-seed0.csv',
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=16, num_workers=0, dataset=dict(data_root=data_root)
)
test_dataloader = dict(
    batch_size=16, num_workers=0, dataset=dict(data_root=data_root)
)
