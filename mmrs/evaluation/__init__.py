"""Metrics, one file a task."""

from mmrs.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        'instance_seg_metric': ('InstanceSegMetric',),
        'scene_cls_metric': ('SceneClsMetric',),
    },
)
