# Masks alone, of another world than the other configs': the teacher of
# Pix4Cap's pseudo-labels.
#     python tools/misc/make_synthetic.py --layout levir-mci --seed 1 \
#         --num 600 --size 64 --out data/synthetic-levir-mci-teacher
_base_ = [
    './_base_/mci_mit-tiny.py',
    '../_base_/datasets/synthetic_levir_mci.py',
    '../_base_/schedules/adamw_minutes.py',
    '../_base_/default_runtime.py',
]

model = dict(caption_neck=None, caption_head=None, loss_balancer=None)
data_root = 'data/synthetic-levir-mci-teacher/'
train_dataloader = dict(dataset=dict(data_root=data_root))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = dict(dataset=dict(data_root=data_root))
val_evaluator = dict(_delete_=True, type='ChangeMaskMetric')
test_evaluator = val_evaluator
custom_hooks = []
train_cfg = dict(max_epochs=20)
default_hooks = dict(logger=dict(interval=20))
