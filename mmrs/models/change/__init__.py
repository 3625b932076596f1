"""Networks that read change off two images: what its methods share."""

from .balancers import (
    DynamicWeightAverage,
    StopGradNormalize,
    SumLosses,
    Uncertainty,
)
from .caption_head import CaptionHead
from .change_interpreter import ChangeInterpreter
from .data_preprocessor import ChangeDataPreprocessor
from .decoders import (
    PrefixGPTDecoder,
    PrefixMambaDecoder,
    TransformerCaptionDecoder,
)
from .layers import KeepMaps

__all__ = [
    'CaptionHead',
    'ChangeDataPreprocessor',
    'ChangeInterpreter',
    'DynamicWeightAverage',
    'KeepMaps',
    'PrefixGPTDecoder',
    'PrefixMambaDecoder',
    'StopGradNormalize',
    'SumLosses',
    'TransformerCaptionDecoder',
    'Uncertainty',
]
