# Learns the captions of 26 real pairs by heart on a CPU; there are no
# pseudo-labels of these pairs, so that the mask branch only helps the captions:
#     python tools/train.py CONFIG
_base_ = [
    '../_base_/pix4cap_mit-tiny.py',
    '../../_base_/datasets/overfit_levir_pairs.py',
    '../../_base_/schedules/adamw_minutes.py',
    '../../_base_/default_runtime.py',
]

model = dict(learn_masks=False, caption_head=dict(num_words=179))
default_hooks = dict(logger=dict(interval=20))
train_cfg = dict(max_epochs=20)
