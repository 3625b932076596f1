"""RSPrompter (arXiv 2306.16269) and the baselines of its paper."""

from mmrs.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__, {'features': ('SamFeatures',)}
)
