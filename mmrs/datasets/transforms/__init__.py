from .bands import (
    BandJitter,
    LoadBands,
    LoadCloudMask,
    PerPatchZScore,
    RandomRot90,
    RandomScaleCrop,
)
from .degradation import RealESRGANDegradation
from .generation import (
    CropTile,
    PackGenInputs,
    ReduceImage,
    ReduceResolution,
)
from .label_noise import PackCloudInputs, SyntheticCloudNoise
from .loading import LoadRSImage
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
    'BandJitter',
    'BiTemporal',
    'CropTile',
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
    'PackGenInputs',
    'PerPatchZScore',
    'RandomRot90',
    'RandomScaleCrop',
    'RealESRGANDegradation',
    'ReduceImage',
    'ReduceResolution',
    'SyntheticCloudNoise',
]
