"""Sample scenes of ukis-csmask."""

from collections.abc import Sequence
from pathlib import Path

from mmrs.errors import InputError
from mmrs.registry import DATASETS

from .cloud_base import VIEWS
from .cloud_tiles import TiledCloudDataset


@DATASETS.register_module()
class CSMaskDataset(TiledCloudDataset):
    """Scenes of several sensors, in reflectance, as archives of NumPy.

    Those in the repository dlr-eoc/ukis-csmask (Wieland et al., 2019) are of
    Landsat 5, Landsat 7 and Sentinel-2: 512 x 512 px of about 30 m in six
    bands that these sensors have in common, reflectance at the top of the
    atmosphere.

    Layout::

        data/csmask/SCENE.npz    img (H, W, 6), float32; msk (H, W, 1), uint8

    Values of the masks are 0 cloud shadow, 1 water, 2 snow or ice, 3 land,
    4 cloud (1 and 3 are inferred from the spectra, 2 from the paper). The
    view ``'csmask'`` has all five. No scene of the repository has snow, so
    views with it need ``may_lack=('snow',)`` there.

    Args:
        *args: As of :class:`~mmrs.datasets.cloud_tiles.TiledCloudDataset`.
        scenes: Names of the scenes to take, which makes the split; None: all.
        **kwargs: As of the same.
    """

    BANDS = ('blue', 'green', 'red', 'nir', 'swir16', 'swir22')
    VIEWS = VIEWS | dict(
        csmask=dict(
            classes=('land', 'cloud', 'snow', 'water', 'shadow'),
            palette=[
                (0, 0, 0),
                (128, 128, 128),
                (255, 255, 255),
                (0, 0, 255),
                (64, 64, 64),
            ],
        )
    )
    LABELS = {
        '2': {0: 0, 1: 0, 2: 0, 3: 0, 4: 1},
        '3': {0: 0, 1: 0, 2: 2, 3: 0, 4: 1},
        'csmask': {0: 4, 1: 3, 2: 2, 3: 0, 4: 1},
    }
    TILE = 128
    HOW_TO_GET = (
        'get the archives *.npz from '
        'https://github.com/dlr-eoc/ukis-csmask/tree/main/tests/testfiles '
        'into data_root'
    )

    def __init__(
        self, *args, scenes: Sequence[str] | None = None, **kwargs
    ) -> None:
        self.scenes = scenes
        super().__init__(*args, **kwargs)

    def scan(self, split: str) -> list[dict]:
        """List the tiles of the scenes."""
        root = Path(self.data_root)
        found = {path.stem: str(path) for path in sorted(root.glob('*.npz'))}
        names = list(found) if self.scenes is None else self.scenes
        missing = [name for name in names if name not in found]
        if missing or not found:
            raise InputError(
                f'{root}: has no scene {missing[0] if missing else "*"}.npz, '
                f'but {", ".join(found) or "none"}; {self.HOW_TO_GET}'
            )
        return self.cut(
            [
                dict(sample_id=n, img_path=found[n], seg_map_path=found[n])
                for n in names
            ]
        )
