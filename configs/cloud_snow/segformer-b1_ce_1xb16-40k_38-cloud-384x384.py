# SegFormer-B1 with cross-entropy on 38-Cloud.
_base_ = [
    './_base_/segformer-b1.py',
    '../_base_/datasets/38cloud.py',
    './_base_/schedule_40k.py',
    '../_base_/iter_runtime.py',
]

model = dict(
    decode_head=dict(num_classes=2),
)
