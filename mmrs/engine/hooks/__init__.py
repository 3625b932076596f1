from .check_vocabulary import CheckVocabularyHook
from .draw_predictions import DrawPredictionsHook
from .epoch_seed import EpochSeedHook
from .finite_loss import FiniteLossHook
from .freeze import FreezeHook

__all__ = [
    'CheckVocabularyHook',
    'DrawPredictionsHook',
    'EpochSeedHook',
    'FiniteLossHook',
    'FreezeHook',
]
