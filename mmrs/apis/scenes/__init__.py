"""Scenes of any size: read, predicted and written by windows.

Nothing here knows a network. :func:`predict_scene` cuts a source into tiles,
hands them to a function in batches, blends what overlaps, and gives finished
rows to sinks; memory grows with the width of a scene, never with its height.
"""

from mmrs.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        'band': ('RollingBand',),
        'predict': ('SceneRun', 'predict_scene'),
        'refine': ('ClassFilter', 'refine_rows'),
        'sink': ('ArraySink', 'ClassSink', 'class_type'),
    },
)
