"""The aerial part of the WHU building data set."""

from mmrs.registry import DATASETS

from .instance_seg import InstanceSegDataset


@DATASETS.register_module()
class WHUInsSegDataset(InstanceSegDataset):
    """WHU building: 8188 aerial tiles of 512 x 512 px.

    Ji, Wei and Lu, 2019. The labels are masks of all buildings;
    ``tools/dataset_converters/whu2coco.py`` turns each connected part into
    an instance. Layout::

        data/WHU/annotations/WHU_building_{train,val,test}.json
        data/WHU/imgs/{train,val,test}/{image,label}/*.tif
    """

    METAINFO = dict(classes=('building',), palette=[(230, 57, 70)])
    HOW_TO_GET = (
        'put the data set in data/WHU (imgs/{train,val,test}/{image,label}/'
        '*.tif) and run python tools/dataset_converters/whu2coco.py '
        'data/WHU, or write a synthetic one: python tools/misc/'
        'make_synthetic.py --layout whu --out data/WHU'
    )
