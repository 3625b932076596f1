"""Metrics, one file a task."""

from mmrs.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        'caption_scores': ('score_captions',),
        'change_caption_metric': ('ChangeCaptionMetric',),
        'change_mask_metric': ('ChangeMaskMetric',),
        'confusion': (
            'confusion_matrix',
            'mask_scores',
            'semantic_change_scores',
        ),
        'instance_seg_metric': ('InstanceSegMetric',),
        'scene_cls_metric': ('SceneClsMetric',),
    },
)
