"""AID, the aerial image data set."""

from mmrs.registry import DATASETS

from .scene_cls import SceneClsDataset, how_to_get


@DATASETS.register_module()
class AIDDataset(SceneClsDataset):
    """AID: 10,000 aerial images of 30 scenes, 600 x 600 px of 0.5 to 8 m.

    Xia et al., 2017.

    The classes are in the order of RSMamba's released lists and checkpoints.
    Layout::

        data/AID/<ClassFolder>/*.jpg
        data/AID/datainfo/{train,val}.txt
    """

    METAINFO = dict(
        classes=(
            'Port',
            'Square',
            'River',
            'Pond',
            'Playground',
            'Mountain',
            'Park',
            'Airport',
            'SparseResidential',
            'Stadium',
            'Industrial',
            'Church',
            'DenseResidential',
            'Parking',
            'Farmland',
            'Desert',
            'Viaduct',
            'Forest',
            'StorageTanks',
            'Center',
            'Meadow',
            'MediumResidential',
            'School',
            'BareLand',
            'Commercial',
            'BaseballField',
            'RailwayStation',
            'Resort',
            'Bridge',
            'Beach',
        ),
    )
    HOW_TO_GET = how_to_get('data/AID', 'datainfo/AID')
