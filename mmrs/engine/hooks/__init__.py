from .draw_predictions import DrawPredictionsHook
from .epoch_seed import EpochSeedHook
from .finite_loss import FiniteLossHook

__all__ = ['DrawPredictionsHook', 'EpochSeedHook', 'FiniteLossHook']
