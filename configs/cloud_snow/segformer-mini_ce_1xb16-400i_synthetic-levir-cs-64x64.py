# Cross-entropy, which learns wrong labels as it learns right ones. The data
# and the other methods to compare it with: docs/cloud_snow.md.
_base_ = [
    './_base_/segformer-mini.py',
    './_base_/noisy_synthetic.py',
    './_base_/schedule_400i.py',
]
custom_imports = dict(
    imports=[
        'mmseg.models',
        'mmseg.datasets.transforms',
        'mmrs.engine',
        'mmrs.datasets.levir_cs',
        'mmrs.datasets.samplers.curriculum',
        'mmrs.models.cloud_snow',
        'mmrs.evaluation.subset_iou_metric',
    ],
    allow_failed_imports=False,
)

data_preprocessor = dict(
    type='MultiBandDataPreprocessor',
    mean=[0.25, 0.26, 0.27, 0.23],
    std=[0.2, 0.2, 0.2, 0.2],
)
