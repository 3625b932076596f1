"""One inferencer a task: images in, results and pictures out."""

from mmrs.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        'change_inferencer': ('ChangeInferencer',),
        'cloud_inferencer': ('CloudInferencer',),
        'instance_seg_inferencer': ('InstanceSegInferencer',),
        'metaearth_inferencer': ('MetaEarthInferencer',),
        'scene_cls_inferencer': ('SceneClassificationInferencer',),
    },
)
