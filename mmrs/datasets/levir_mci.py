"""LEVIR-MCI."""

from mmrs.registry import DATASETS

from .levir_cc import LEVIRCCDataset


@DATASETS.register_module()
class LEVIRMCIDataset(LEVIRCCDataset):
    """LEVIR-MCI: the pairs and captions of LEVIR-CC, and masks of change.

    Liu, Chen, Zhang, Qi, Zou and Shi, 2024. A mask has the value 128 where a
    road and 255 where a building appeared or went, and 0 elsewhere;
    :class:`~mmrs.datasets.LoadChangeMask` makes classes of them.

    Layout::

        data/LEVIR-MCI/LevirCCcaptions.json
        data/LEVIR-MCI/images/{train,val,test}/{A,B,label}/*.png

    Takes the arguments of :class:`~mmrs.datasets.ChangePairDataset`.
    """

    METAINFO = dict(
        classes=('unchanged', 'road', 'building'),
        palette=[(0, 0, 0), (255, 255, 0), (255, 0, 0)],
    )
    HOW_TO_GET = (
        'get LEVIR-MCI from https://huggingface.co/datasets/lcybuaa/LEVIR-MCI '
        'and unpack it so that data_root holds LevirCCcaptions.json and '
        'images/{train,val,test}/{A,B,label}, or bring your own pairs into '
        'this layout: tools/dataset_converters/pairs_to_levir_mci.py'
    )
    DATA_PREFIX = LEVIRCCDataset.DATA_PREFIX | dict(
        seg_map='images/{split}/label'
    )
