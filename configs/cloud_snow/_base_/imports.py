# What registers the parts of all configs of clouds and snow.
custom_imports = dict(
    imports=[
        'mmseg.models',
        'mmseg.datasets.transforms',
        'mmrs.engine',
        'mmrs.datasets.cloud38',
        'mmrs.datasets.cloudsen12',
        'mmrs.datasets.csmask',
        'mmrs.datasets.landsat8',
        'mmrs.datasets.levir_cs',
        'mmrs.datasets.samplers.curriculum',
        'mmrs.datasets.whu_clouds',
        'mmrs.models.cloud_snow',
        'mmrs.evaluation.metrics.boundary_iou',
        'mmrs.evaluation.metrics.class_map_dump',
        'mmrs.evaluation.metrics.cloud38_scenes',
        'mmrs.evaluation.metrics.cover_error',
        'mmrs.evaluation.metrics.subset_iou_metric',
    ],
    allow_failed_imports=False,
)
