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
    'BiTemporal',
    'EncodeCaption',
    'ExchangeTime',
    'FlipPair',
    'LoadChangeMask',
    'LoadImagePair',
    'LoadPseudoMask',
    'LoadRSImage',
    'PackChangeInputs',
    'read_bands',
]
