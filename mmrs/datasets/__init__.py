"""Data sets, one file each, and the transforms that read them."""

from .instance_seg import InstanceSegDataset
from .nwpu import NWPUInsSegDataset
from .ssdd import SSDDInsSegDataset
from .transforms import BadImageError, LoadRSImage
from .whu import WHUInsSegDataset

__all__ = [
    'BadImageError',
    'InstanceSegDataset',
    'LoadRSImage',
    'NWPUInsSegDataset',
    'SSDDInsSegDataset',
    'WHUInsSegDataset',
]
