"""Backbones of change networks: image -> maps, the finest first."""

from mmrs.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__)
