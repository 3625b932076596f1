# The paper's recipe on one GPU and 80 images a class of UC Merced:
#     python tools/dataset_converters/split_scene_cls.py \
#         data/uc_merced/images --split train=0.75 val=0.25 --seed 0 \
#         --out-dir data/uc_merced_80
#     python tools/train.py CONFIG --amp bf16 --auto-scale-lr
_base_ = [
    '../_base_/rsmamba-b.py',
    '../../_base_/datasets/uc_merced_cls.py',
    '../../_base_/schedules/adamw_warmup_cosine.py',
    '../../_base_/default_runtime.py',
]

subset = dict(
    data_root='',
    data_prefix=dict(img_path='data/uc_merced/images/'),
)
train_dataloader = dict(
    batch_size=64,
    num_workers=12,
    dataset=dict(ann_file='data/uc_merced_80/train.txt', **subset),
)
val_dataloader = dict(
    batch_size=64,
    num_workers=12,
    dataset=dict(ann_file='data/uc_merced_80/val.txt', **subset),
)
test_dataloader = val_dataloader

train_cfg = dict(max_epochs=300)
