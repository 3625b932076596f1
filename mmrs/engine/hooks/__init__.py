from .check_vocabulary import CheckVocabularyHook
from .curriculum import CurriculumHook
from .draw_predictions import DrawPredictionsHook
from .epoch_seed import EpochSeedHook
from .finite_loss import FiniteLossHook
from .fit_weights import FitWeightsHook
from .freeze import FreezeHook
from .sample_grid import SampleGridHook

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
