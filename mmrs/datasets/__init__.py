"""Data sets, one file each, and the transforms that read them."""

from mmrs.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__, {'cloud_base': ('CloudDataset',)}
)
