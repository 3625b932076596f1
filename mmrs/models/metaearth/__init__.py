"""MetaEarth (arXiv 2405.13570): images of any size at any resolution."""

from .encoder import RRDBEncoder
from .losses import P2Loss
from .metaearth import MetaEarth
from .pipeline import MetaEarthPipeline
from .presets import PRESETS
from .unet import ResolutionUNet

__all__ = [
    'PRESETS',
    'MetaEarth',
    'MetaEarthPipeline',
    'P2Loss',
    'RRDBEncoder',
    'ResolutionUNet',
]
