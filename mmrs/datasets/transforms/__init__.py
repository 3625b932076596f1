from .bands import (
    BandJitter,
    LoadBands,
    LoadCloudMask,
    PerPatchZScore,
    RandomRot90,
)
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
    'PerPatchZScore',
    'RandomRot90',
    'read_bands',
]
