"""Layers that several methods share."""

from .mamba_mixer import MambaMixer, MambaState
from .rms_norm import RMSNorm

__all__ = ['MambaMixer', 'MambaState', 'RMSNorm']
