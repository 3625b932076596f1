# Synthetic scenes of 64 px in the layout of LEVIR_CS, which
#     python tools/misc/make_synthetic.py --layout levir-cs --seed 0 \
#         --num 800 --size 64 --out data/synthetic-levir-cs
# writes: 640 for training, a tenth of them for validation, and 160 for
# testing. The statistics are of 160 of these for training.
_base_ = './levir_cs.py'

data_root = 'data/synthetic-levir-cs/'

data_preprocessor = dict(
    mean=[0.344, 0.360, 0.338, 0.401],
    std=[0.269, 0.259, 0.267, 0.227],
    size=(64, 64),
)

# Without enlargement: the scenes are as large as the crops.
train_pipeline = [
    *_base_.train_pipeline[:2],
    *_base_.train_pipeline[3:],
]
train_dataloader = dict(
    num_workers=0,
    dataset=dict(data_root=data_root, pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=16, num_workers=0, dataset=dict(data_root=data_root)
)
test_dataloader = dict(
    batch_size=16, num_workers=0, dataset=dict(data_root=data_root)
)
