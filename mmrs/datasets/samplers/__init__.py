"""Orders in which images are drawn for training."""

from mmrs.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__, {'curriculum': ('Curriculum',)}
)
