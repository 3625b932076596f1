"""Pictures of results."""

from .change import draw_change
from .confusion_matrix import draw_confusion_matrix
from .instances import draw_instances
from .scene_cls import draw_scene

__all__ = [
    'draw_change',
    'draw_confusion_matrix',
    'draw_instances',
    'draw_scene',
]
