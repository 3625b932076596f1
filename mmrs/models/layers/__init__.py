"""Layers that several methods share."""

from mmrs.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        'init': ('init_xavier',),
        'mamba_mixer': ('MambaMixer', 'MambaState'),
        'rms_norm': ('RMSNorm',),
    },
)
