"""BIT (arXiv 2103.00208): the teacher of pseudo-labels."""

from .bit_head import BITHead

__all__ = ['BITHead']
