"""What happens around the training steps; a config imports it by name."""

from .hooks import EpochSeedHook, FiniteLossHook

__all__ = ['EpochSeedHook', 'FiniteLossHook']
