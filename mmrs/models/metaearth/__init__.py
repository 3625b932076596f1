"""MetaEarth (arXiv 2405.13570): images of any size at any resolution."""

from mmrs.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        'pipeline': ('MetaEarthPipeline',),
        'presets': ('PRESETS',),
    },
)
