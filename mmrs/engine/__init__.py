"""What happens around the training steps; a config imports it by name."""

from .hooks import (
    CheckVocabularyHook,
    DrawPredictionsHook,
    EpochSeedHook,
    FiniteLossHook,
    FreezeHook,
)

__all__ = [
    'CheckVocabularyHook',
    'DrawPredictionsHook',
    'EpochSeedHook',
    'FiniteLossHook',
    'FreezeHook',
]
