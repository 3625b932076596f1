"""Data sets, one file each, and the transforms that read them."""

from mmrs.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        'aid': ('AIDDataset',),
        'change_pairs': ('ChangePairDataset',),
        'cloud_base': ('CloudDataset',),
        'dubai_cc': ('DubaiCCDataset',),
        'instance_seg': ('InstanceSegDataset',),
        'levir_cc': ('LEVIRCCDataset',),
        'levir_cs': ('LevirCSDataset',),
        'levir_mci': ('LEVIRMCIDataset',),
        'nwpu': ('NWPUInsSegDataset',),
        'nwpu_resisc45': ('NWPURESISC45Dataset',),
        'scene_cls': ('SceneClsDataset',),
        'ssdd': ('SSDDInsSegDataset',),
        'transforms': (
            'BadImageError',
            'BandJitter',
            'BiTemporal',
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
            'PerPatchZScore',
            'RandomRot90',
            'SyntheticCloudNoise',
        ),
        'uc_merced': ('UCMercedDataset',),
        'whu': ('WHUInsSegDataset',),
        'whu_cdc': ('WHUCDCDataset',),
    },
)
