"""NWPU-RESISC45."""

from mmrs.registry import DATASETS

from .scene_cls import SceneClsDataset, how_to_get


@DATASETS.register_module()
class NWPURESISC45Dataset(SceneClsDataset):
    """NWPU-RESISC45: 31,500 images of 45 scenes, 256 x 256 px of 0.2 to 30 m.

    Cheng, Han and Lu, 2017.

    The classes are in the order of RSMamba's released lists and checkpoints.
    Layout::

        data/NWPU-RESISC45/<ClassFolder>/*.jpg
        data/NWPU-RESISC45/datainfo/{train,val}.txt
    """

    METAINFO = dict(
        classes=(
            'river',
            'terrace',
            'snowberg',
            'stadium',
            'parking_lot',
            'thermal_power_station',
            'rectangular_farmland',
            'cloud',
            'intersection',
            'meadow',
            'palace',
            'ground_track_field',
            'commercial_area',
            'beach',
            'church',
            'baseball_diamond',
            'ship',
            'industrial_area',
            'bridge',
            'freeway',
            'medium_residential',
            'circular_farmland',
            'mobile_home_park',
            'railway',
            'forest',
            'sparse_residential',
            'harbor',
            'wetland',
            'mountain',
            'airport',
            'golf_course',
            'overpass',
            'dense_residential',
            'chaparral',
            'basketball_court',
            'airplane',
            'tennis_court',
            'runway',
            'storage_tank',
            'island',
            'railway_station',
            'lake',
            'sea_ice',
            'desert',
            'roundabout',
        ),
    )
    HOW_TO_GET = how_to_get('data/NWPU-RESISC45', 'datainfo/NWPU')
