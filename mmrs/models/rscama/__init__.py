"""RSCaMa: change captions by selective scans (arXiv 2404.18895)."""

from mmrs.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__)
