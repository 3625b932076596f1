"""WHU-CDC."""

from mmrs.registry import DATASETS

from .change_pairs import ChangePairDataset


@DATASETS.register_module()
class WHUCDCDataset(ChangePairDataset):
    """WHU-CDC: 7434 aerial pairs, 256 x 256 px, captions and building masks.

    Cut from WHU-CD and captioned by the authors of CTMTNet, 2024. Masks are
    not 0 where a building appeared or went.

    Layout::

        data/WHU-CDC/whuCCcaptions.json
        data/WHU-CDC/images/{train,val,test}/{A,B,label}/*.png

    Takes the arguments of :class:`~mmrs.datasets.ChangePairDataset`.
    """

    METAINFO = dict(
        classes=('unchanged', 'building'),
        palette=[(0, 0, 0), (255, 0, 0)],
    )
    HOW_TO_GET = (
        'get WHU-CDC from https://huggingface.co/datasets/hygge10111/RS-CDC '
        'and unpack it so that data_root holds whuCCcaptions.json and '
        'images/{train,val,test}/{A,B,label}'
    )
    ANN_FILE = 'whuCCcaptions.json'
    DATA_PREFIX = dict(
        img_a='images/{split}/A',
        img_b='images/{split}/B',
        seg_map='images/{split}/label',
    )
