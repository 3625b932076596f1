"""RSMamba (arXiv 2403.19654): scene classification with Mamba."""

from .backbone import RSMamba
from .tokens import TokenLayout

__all__ = ['RSMamba', 'TokenLayout']
