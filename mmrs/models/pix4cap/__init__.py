"""Pix4Cap (arXiv 2312.15311): captions helped by pseudo-labelled masks."""

from .cross_date import CrossDateCaptionNeck, CrossDateMaskNeck
from .mask_head import BTFMaskHead
from .pix4cap import Pix4Cap
from .sfa import FusedSFA, PerDateSFA

__all__ = [
    'BTFMaskHead',
    'CrossDateCaptionNeck',
    'CrossDateMaskNeck',
    'FusedSFA',
    'PerDateSFA',
    'Pix4Cap',
]
