"""Transforms of images, pairs, masks and captions, one file a kind."""

from mmrs.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__)
