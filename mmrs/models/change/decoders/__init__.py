"""Decoders: visual tokens and the words so far -> the next word."""

from mmrs.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__, {'base': ('CaptionDecoder',)}
)
