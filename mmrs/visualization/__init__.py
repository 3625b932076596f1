"""Pictures of results."""

from .instances import draw_instances

__all__ = ['draw_instances']
