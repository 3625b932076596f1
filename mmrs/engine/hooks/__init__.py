from .epoch_seed import EpochSeedHook
from .finite_loss import FiniteLossHook

__all__ = ['EpochSeedHook', 'FiniteLossHook']
