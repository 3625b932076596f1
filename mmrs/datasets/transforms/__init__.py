from .bands import (
    BandJitter,
    LoadBands,
    LoadCloudMask,
    PerPatchZScore,
    RandomRot90,
    RandomScaleCrop,
)
from .label_noise import PackCloudInputs, SyntheticCloudNoise
from .loading import BadImageError, LoadRSImage, read_bands
from .pairs import (
    BiTemporal,
    EncodeCaption,
    ExchangeTime,
    FlipPair,
    LoadChangeMask,
    LoadImagePair,
    LoadPseudoMask,
    PackChangeInputs,
)

__all__ = [
    'BadImageError',
    'BandJitter',
    'BiTemporal',
    'EncodeCaption',
    'ExchangeTime',
    'FlipPair',
    'LoadBands',
    'LoadChangeMask',
    'LoadCloudMask',
    'LoadImagePair',
    'LoadPseudoMask',
    'LoadRSImage',
    'PackChangeInputs',
    'PackCloudInputs',
    'PerPatchZScore',
    'RandomRot90',
    'RandomScaleCrop',
    'SyntheticCloudNoise',
    'read_bands',
]
