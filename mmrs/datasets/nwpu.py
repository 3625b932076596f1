"""NWPU VHR-10 with instance masks."""

from mmrs.registry import DATASETS

from .instance_seg import InstanceSegDataset


@DATASETS.register_module()
class NWPUInsSegDataset(InstanceSegDataset):
    """NWPU VHR-10: 650 aerial images of ten classes of objects.

    Images: Cheng, Zhou and Han, 2016; masks: Su et al., 2019. Layout::

        data/NWPU/annotations/NWPU_instances_{train,val}.json
        data/NWPU/imgs/{001..650}.jpg
    """

    METAINFO = dict(
        classes=(
            'airplane',
            'ship',
            'storage_tank',
            'baseball_diamond',
            'tennis_court',
            'basketball_court',
            'ground_track_field',
            'harbor',
            'bridge',
            'vehicle',
        ),
        palette=[
            (230, 57, 70),
            (29, 120, 216),
            (255, 190, 11),
            (46, 160, 67),
            (131, 56, 236),
            (255, 110, 30),
            (17, 181, 174),
            (162, 98, 52),
            (240, 98, 190),
            (190, 214, 40),
        ],
    )
    HOW_TO_GET = (
        'put the data set in data/NWPU (annotations/NWPU_instances_'
        '{train,val}.json, imgs/*.jpg; tools/dataset_converters/'
        'split_coco.py makes the two from annotations.json), or write a '
        'synthetic one: python tools/misc/make_synthetic.py --layout nwpu '
        '--out data/NWPU'
    )
