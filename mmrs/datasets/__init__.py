"""Data sets, one file each, and the transforms that read them."""

from mmrs.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        'aid': ('AIDDataset',),
        'change_pairs': ('ChangePairDataset',),
        'dubai_cc': ('DubaiCCDataset',),
        'instance_seg': ('InstanceSegDataset',),
        'levir_cc': ('LEVIRCCDataset',),
        'levir_mci': ('LEVIRMCIDataset',),
        'nwpu': ('NWPUInsSegDataset',),
        'nwpu_resisc45': ('NWPURESISC45Dataset',),
        'scene_cls': ('SceneClsDataset',),
        'ssdd': ('SSDDInsSegDataset',),
        'transforms': (
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
        ),
        'uc_merced': ('UCMercedDataset',),
        'whu': ('WHUInsSegDataset',),
        'whu_cdc': ('WHUCDCDataset',),
    },
)
