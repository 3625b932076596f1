"""Clouds and snow from labels of which some are wrong."""

from .adele import AdeleSegmentor
from .data_preprocessor import MultiBandDataPreprocessor
from .losses import (
    ActivePassiveLoss,
    BootstrappedCELoss,
    GCELoss,
    MAELoss,
    NCELoss,
    RCELoss,
    SCELoss,
    TrimmedCELoss,
)
from .noisy_label_segmentor import NoisyLabelSegmentor

__all__ = [
    'ActivePassiveLoss',
    'AdeleSegmentor',
    'BootstrappedCELoss',
    'GCELoss',
    'MAELoss',
    'MultiBandDataPreprocessor',
    'NCELoss',
    'NoisyLabelSegmentor',
    'RCELoss',
    'SCELoss',
    'TrimmedCELoss',
]
