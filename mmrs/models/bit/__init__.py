"""BIT (arXiv 2103.00208): the teacher of pseudo-labels."""

from mmrs.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__)
