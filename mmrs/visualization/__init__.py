"""Pictures of results."""

from mmrs.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        'change': ('draw_change',),
        'confusion_matrix': ('draw_confusion_matrix',),
        'instances': ('draw_instances',),
        'scene_cls': ('draw_scene',),
    },
)
