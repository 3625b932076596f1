"""UC Merced land use."""

from mmrs.registry import DATASETS

from .scene_cls import SceneClsDataset, how_to_get


@DATASETS.register_module()
class UCMercedDataset(SceneClsDataset):
    """UC Merced: 2100 aerial images of 21 land uses, 256 x 256 px of 0.3 m.

    Yang and Newsam, 2010.

    The classes are in the order of RSMamba's released lists and checkpoints.
    Layout::

        data/UC/<ClassFolder>/*.tif
        data/UC/datainfo/{train,val}.txt
    """

    METAINFO = dict(
        classes=(
            'harbor',
            'parkinglot',
            'buildings',
            'mediumresidential',
            'sparseresidential',
            'forest',
            'agricultural',
            'overpass',
            'golfcourse',
            'freeway',
            'baseballdiamond',
            'beach',
            'intersection',
            'runway',
            'mobilehomepark',
            'chaparral',
            'airplane',
            'river',
            'storagetanks',
            'tenniscourt',
            'denseresidential',
        ),
    )
    HOW_TO_GET = how_to_get('data/UC', 'datainfo/UC')
