"""Networks that read change off two images: the rooms of three methods."""

from .backbones import (
    CLIPPatchBackbone,
    MiTBackbone,
    PyramidBackbone,
    ResNetBackbone,
)
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
    'CLIPPatchBackbone',
    'CaptionHead',
    'ChangeDataPreprocessor',
    'ChangeInterpreter',
    'DynamicWeightAverage',
    'KeepMaps',
    'MiTBackbone',
    'PrefixGPTDecoder',
    'PrefixMambaDecoder',
    'PyramidBackbone',
    'ResNetBackbone',
    'StopGradNormalize',
    'SumLosses',
    'TransformerCaptionDecoder',
    'Uncertainty',
]
