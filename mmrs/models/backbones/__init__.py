"""Backbones of change networks: image -> maps, the finest first."""

from .clip import CLIPPatchBackbone
from .mit import MiTBackbone
from .pyramid import PyramidBackbone
from .resnet import ResNetBackbone

__all__ = [
    'CLIPPatchBackbone',
    'MiTBackbone',
    'PyramidBackbone',
    'ResNetBackbone',
]
