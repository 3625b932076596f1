"""SSDD, the SAR ship detection data set, with instance masks."""

from mmrs.registry import DATASETS

from .instance_seg import InstanceSegDataset


@DATASETS.register_module()
class SSDDInsSegDataset(InstanceSegDataset):
    """SSDD: 1160 SAR images of ships.

    Li, Qu and Shao, 2017; masks: Zhang et al., 2021. Layout::

        data/SSDD/annotations/SSDD_instances_{train,val}.json
        data/SSDD/imgs/{000001..001160}.jpg
    """

    METAINFO = dict(classes=('ship',), palette=[(29, 120, 216)])
    HOW_TO_GET = (
        'put the data set in data/SSDD (annotations/SSDD_instances_'
        '{train,val}.json, imgs/*.jpg), or write a synthetic one: '
        'python tools/misc/make_synthetic.py --layout ssdd --out data/SSDD'
    )
