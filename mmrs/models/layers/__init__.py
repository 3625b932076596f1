"""Layers that several methods share."""

from .mamba_mixer import MambaMixer

__all__ = ['MambaMixer']
