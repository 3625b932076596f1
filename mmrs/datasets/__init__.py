"""Data sets, one file each, and the transforms that read them."""

from mmrs.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        'aid': ('AIDDataset',),
        'instance_seg': ('InstanceSegDataset',),
        'nwpu': ('NWPUInsSegDataset',),
        'nwpu_resisc45': ('NWPURESISC45Dataset',),
        'scene_cls': ('SceneClsDataset',),
        'ssdd': ('SSDDInsSegDataset',),
        'transforms': ('BadImageError', 'LoadRSImage'),
        'uc_merced': ('UCMercedDataset',),
        'whu': ('WHUInsSegDataset',),
    },
)
