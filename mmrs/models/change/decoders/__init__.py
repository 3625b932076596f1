"""Decoders: visual tokens and the words so far -> the next word."""

from .base import CaptionDecoder
from .gpt import PrefixGPTDecoder
from .mamba import PrefixMambaDecoder
from .transformer import TransformerCaptionDecoder

__all__ = [
    'CaptionDecoder',
    'PrefixGPTDecoder',
    'PrefixMambaDecoder',
    'TransformerCaptionDecoder',
]
