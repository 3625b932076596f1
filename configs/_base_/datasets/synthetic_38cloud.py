# Synthetic patches of 64 px in the layout of 38-Cloud, which
#     python tools/misc/make_synthetic.py --layout 38-cloud --seed 0 \
#         --num 800 --size 64 --out data/synthetic-38-cloud
# writes: 640 for training, a tenth of their scenes for validation, and 160 for
# testing. The statistics are of 160 of these for training.
_base_ = './levir_cs.py'

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
test_pipeline = [  # as in 38cloud.py
    dict(type='LoadBands', allow_blank=True),
    *_base_.test_pipeline[1:],
]
dataset = dict(type='Cloud38Dataset', data_root=data_root)
train_dataloader = dict(
    num_workers=0,
    dataset=dict(dataset, pipeline=train_pipeline),
)
val_dataloader = dict(batch_size=16, num_workers=0, dataset=dataset)
test_dataloader = dict(
    batch_size=16,
    num_workers=0,
    dataset=dict(dataset, pipeline=test_pipeline),
)
test_evaluator = dict(
    _delete_=True, type='Cloud38SceneMetric', data_root=data_root
)
