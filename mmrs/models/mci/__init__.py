"""MCI, the network of Change-Agent (arXiv 2403.19646)."""

from .mask_head import MCIMaskHead
from .necks import BI3CaptionNeck, BI3MaskNeck

__all__ = ['BI3CaptionNeck', 'BI3MaskNeck', 'MCIMaskHead']
