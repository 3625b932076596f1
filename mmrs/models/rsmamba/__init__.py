"""RSMamba (arXiv 2403.19654): scene classification with Mamba."""

from mmrs.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__, {'tokens': ('TokenLayout',)}
)
