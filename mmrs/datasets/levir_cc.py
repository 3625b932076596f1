"""LEVIR-CC."""

from mmrs.registry import DATASETS

from .change_pairs import ChangePairDataset


@DATASETS.register_module()
class LEVIRCCDataset(ChangePairDataset):
    """LEVIR-CC: 10,077 pairs, 256 x 256 px of 0.5 m, five captions each.

    Liu, Zhao, Chen, Zou and Shi, 2022. 6815 pairs are for training, 1333 for
    validation and 1929 for the test; half of each are unchanged.

    Layout::

        data/LEVIR-CC/LevirCCcaptions.json
        data/LEVIR-CC/images/{train,val,test}/{A,B}/*.png

    A has the earlier images. Takes the arguments of
    :class:`~mmrs.datasets.ChangePairDataset`.
    """

    HOW_TO_GET = (
        'get LEVIR-CC by way of https://github.com/Chen-Yang-Liu/'
        'LEVIR-CC-Dataset and unpack it so that data_root holds '
        'LevirCCcaptions.json and images/{train,val,test}/{A,B}, or bring '
        'your own pairs into this layout: '
        'tools/dataset_converters/pairs_to_levir_mci.py'
    )
    ANN_FILE = 'LevirCCcaptions.json'
    DATA_PREFIX = dict(img_a='images/{split}/A', img_b='images/{split}/B')
