# Synthetic patches of 64 px in the layout of 38-Cloud, which
#     python tools/misc/make_synthetic.py --layout 38-cloud --seed 0 \
#         --num 800 --size 64 --out data/synthetic-38-cloud
# writes: 640 for training, a tenth of their scenes for validation, and 160 for
# testing. The statistics are of 160 of these for training.
_base_ = './38cloud.py'

data_root = 'data/synthetic-38-cloud/'

data_preprocessor = dict(
    mean=[0.259, 0.271, 0.266, 0.294],
    std=[0.222, 0.223, 0.230, 0.218],
    size=(64, 64),
)

# Without enlargement: the patches are as large as the crops.
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
test_evaluator = dict(data_root=data_root)
