# Cross-entropy, which learns wrong labels as it learns right ones. The data,
# and the other methods to compare it with: docs/cloud_snow.md.
_base_ = [
    './_base_/segformer-mini.py',
    '../_base_/datasets/synthetic_levir_cs.py',
    './_base_/schedule_400i.py',
]
