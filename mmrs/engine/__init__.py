"""What happens around the training steps; a config imports it by name."""

from .hooks import DrawPredictionsHook, EpochSeedHook, FiniteLossHook

__all__ = ['DrawPredictionsHook', 'EpochSeedHook', 'FiniteLossHook']
