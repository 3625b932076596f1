"""RSCaMa: change captions by selective scans (arXiv 2404.18895)."""

from .neck import CaMaNeck

__all__ = ['CaMaNeck']
