"""What happens around the training steps; a config imports it by name."""

from .hooks import (
    CheckVocabularyHook,
    CurriculumHook,
    DrawPredictionsHook,
    EpochSeedHook,
    FiniteLossHook,
    FitWeightsHook,
    FreezeHook,
    SampleGridHook,
)

__all__ = [
    'CheckVocabularyHook',
    'CurriculumHook',
    'DrawPredictionsHook',
    'EpochSeedHook',
    'FiniteLossHook',
    'FitWeightsHook',
    'FreezeHook',
    'SampleGridHook',
]
