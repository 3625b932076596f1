"""MCI, the network of Change-Agent (arXiv 2403.19646)."""

from mmrs.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__)
