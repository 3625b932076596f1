"""Clouds and snow from labels of which some are wrong."""

from mmrs.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__)
