"""Landsat 8: L8 Biome, SPARCS, and scenes with their quality band."""

from pathlib import Path

from mmrs.errors import InputError
from mmrs.geo.sensors import LANDSAT8
from mmrs.registry import DATASETS

from .cloud_base import hold_out, list_folder
from .cloud_tiles import TiledCloudDataset

_BANDS = LANDSAT8.bands
_THERMAL = ('lwir11', 'lwir12')
_WITHOUT_PAN = tuple(band for band in _BANDS if band != 'pan')


class Landsat8Dataset(TiledCloudDataset):
    """What the data sets of Landsat 8 share: from numbers to units.

    Level 1 numbers become reflectance at the top of the atmosphere, without
    the division by the sine of the sun's elevation, and those of the thermal
    bands radiance in W / (m2 sr um): the factors that all scenes of Level 1
    have in their metadata.
    """

    BANDS = _BANDS
    SENSOR = LANDSAT8
    SCALE = dict.fromkeys(_BANDS, 2e-5) | dict.fromkeys(_THERMAL, 3.342e-4)
    OFFSET = dict.fromkeys(_BANDS, -0.1) | dict.fromkeys(_THERMAL, 0.1)
    NODATA = 0


@DATASETS.register_module()
class L8BiomeDataset(Landsat8Dataset):
    """L8 Biome: 96 scenes of Landsat 8 of eight biomes with masks.

    Foga et al., 2017. Snow is clear.

    Layout, of which the folders of biomes may be missing::

        data/L8_Biome/BIOME/SCENE/SCENE.TIF             11 bands of 30 m
        data/L8_Biome/BIOME/SCENE/SCENE_fixedmask.TIF   0, 64, 128, 192, 255
        data/L8_Biome/BIOME/SCENE/SCENE_BQA.TIF         the quality band

    There is no official split: of each biome, scenes are drawn for training,
    validation and test (60, 20 and 20 %), so that no scene is in two.

    Args:
        *args: As of :class:`~mmrs.datasets.cloud_tiles.TiledCloudDataset`.
        labels: ``'fixedmask'``, by hand, or ``'bqa'``, of the satellite's own
            quality band: real wrong labels, with the others as the truth.
        split_seed: Another seed, another split.
        **kwargs: As of the same.
    """

    LABELS = {
        '2': {0: 255, 64: 0, 128: 0, 192: 1, 255: 1},
        '3': {0: 255, 64: 0, 128: 0, 192: 1, 255: 1},
        '4': {0: 255, 64: 3, 128: 0, 192: 2, 255: 1},
    }
    VIEW = '4'
    HOW_TO_GET = (
        'get L8 Biome from https://huggingface.co/datasets/torchgeo/l8biome '
        'and unpack it so that data_root holds BIOME/SCENE/SCENE.TIF'
    )
    _SHARES = dict(train=0.6, val=0.2, test=0.2)

    def __init__(
        self,
        *args,
        labels: str = 'fixedmask',
        split_seed: int = 0,
        **kwargs,
    ) -> None:
        if labels not in ('fixedmask', 'bqa'):
            raise InputError(
                f"labels={labels!r} of L8BiomeDataset: must be 'fixedmask' or "
                "'bqa'"
            )
        if labels == 'bqa':
            self.LABELS = LandsatBQADataset.LABELS
            self.MASK_CODES = LandsatBQADataset.MASK_CODES
        self._ending = f'_{labels if labels == "fixedmask" else "BQA"}.TIF'
        self.split_seed = split_seed
        super().__init__(*args, **kwargs)

    def scan(self, split: str) -> list[dict]:
        """List the tiles of the scenes of a split."""
        masks = sorted(Path(self.data_root).rglob(f'LC8*{self._ending}'))
        by_biome: dict[str, dict[str, Path]] = {}
        for mask in masks:
            scene = mask.name.removesuffix(self._ending)
            biome = str(mask.relative_to(self.data_root)).split('/')[0]
            if biome in (scene, mask.name):
                biome = ''
            by_biome.setdefault(biome, {})[scene] = mask
        chosen = {
            scene: scenes[scene]
            for scenes in by_biome.values()
            for scene in hold_out(scenes, self._SHARES, self.split_seed)[split]
        }
        return self.cut(
            [
                _scene(scene, mask.with_name(f'{scene}.TIF'), mask)
                for scene, mask in chosen.items()
            ]
        )


@DATASETS.register_module()
class SPARCSDataset(Landsat8Dataset):
    """SPARCS: 80 cuts of Landsat 8 scenes with masks, snow among the classes.

    Hughes and Hayes, 2014. 1000 x 1000 px of 30 m.

    Layout::

        data/SPARCS/SCENE_data.tif      10 bands, that is, all but the sharp
        data/SPARCS/SCENE_labels.tif    0 to 6

    Values of the masks are 0 shadow, 1 shadow over water, 2 water, 3 snow or
    ice, 4 land, 5 cloud, 6 flooded. That the numbers are those of Level 1 is
    inferred; set `scale` and `offset` where they are not.

    There is no official split: scenes are dealt into `folds`; ``'test'`` is
    the fold of that number, ``'val'`` is a share of the others.

    Args:
        *args: As of :class:`~mmrs.datasets.cloud_tiles.TiledCloudDataset`.
        fold: Which fold is for testing, from 0.
        folds: How many there are.
        fold_seed: Another seed, another deal.
        **kwargs: As of the same.
    """

    BANDS = _WITHOUT_PAN
    LABELS = {
        '2': dict.fromkeys(range(7), 0) | {5: 1},
        '3': dict.fromkeys(range(7), 0) | {5: 1, 3: 2},
    }
    SPLITS = ('train', 'val', 'trainval', 'test')
    TILE = 0
    HOW_TO_GET = (
        'get SPARCS from https://landsat.usgs.gov/cloud-validation/sparcs/'
        'l8cloudmasks.zip and unpack it so that data_root holds the files '
        '*_data.tif'
    )

    def __init__(
        self,
        *args,
        fold: int = 0,
        folds: int = 5,
        fold_seed: int = 0,
        **kwargs,
    ) -> None:
        if not 0 <= fold < folds:
            raise InputError(
                f'fold={fold} of SPARCSDataset: must be 0 to {folds - 1}'
            )
        self.fold = fold
        self.folds = folds
        self.fold_seed = fold_seed
        super().__init__(*args, **kwargs)

    def scan(self, split: str) -> list[dict]:
        """List the cuts of a split."""
        root = Path(self.data_root)
        scenes = [
            name.removesuffix('_data.tif')
            for name in list_folder(root, self.HOW_TO_GET)
            if name.endswith('_data.tif')
        ]
        shares = dict.fromkeys(map(str, range(self.folds)), 1 / self.folds)
        test = set(hold_out(scenes, shares, self.fold_seed)[str(self.fold)])
        if split == 'test':
            chosen = sorted(test)
        else:
            chosen = self.choose(split, set(scenes) - test)
        return self.cut(
            [
                _scene(
                    name,
                    root / f'{name}_data.tif',
                    root / f'{name}_labels.tif',
                )
                for name in chosen
            ]
        )


@DATASETS.register_module()
class LandsatBQADataset(Landsat8Dataset):
    """Scenes of Landsat 8 with the quality band as their labels.

    The band (BQA, before the collections) comes with each scene. It is wrong
    in places: labels to learn from as from noisy ones. What it gives high
    confidence counts, see ``transforms.mask_codes.landsat8_bqa``.

    Layout::

        data/landsat8/NAME_bands.tif    10 bands, that is, all but the sharp
        data/landsat8/NAME_bqa.tif      words of 16 bits

    ``'val'`` and ``'train'`` share the tiles of all scenes, ``'trainval'``
    and ``'test'`` have all of them: there is no truth to test on.

    Takes the arguments of
    :class:`~mmrs.datasets.cloud_tiles.TiledCloudDataset`.
    """

    BANDS = _WITHOUT_PAN
    # Codes: clear, cloud, cirrus, snow, fill.
    LABELS = {
        '2': {0: 0, 1: 1, 2: 1, 3: 0, 4: 255},
        '3': {0: 0, 1: 1, 2: 1, 3: 2, 4: 255},
        '4': {0: 0, 1: 1, 2: 2, 3: 0, 4: 255},
    }
    MASK_CODES = 'landsat8_bqa'
    SPLITS = ('train', 'val', 'trainval', 'test')
    TILE = 128
    HOW_TO_GET = (
        'put NAME_bands.tif (bands 1 to 7 and 9 to 11) and NAME_bqa.tif into '
        'data_root'
    )

    def scan(self, split: str) -> list[dict]:
        """List the tiles of a split."""
        root = Path(self.data_root)
        names = [
            name.removesuffix('_bands.tif')
            for name in list_folder(root, self.HOW_TO_GET)
            if name.endswith('_bands.tif')
        ]
        tiles = self.cut(
            [
                _scene(
                    name, root / f'{name}_bands.tif', root / f'{name}_bqa.tif'
                )
                for name in names
            ]
        )
        if split == 'test':
            return tiles
        by_id = {tile['sample_id']: tile for tile in tiles}
        return [by_id[name] for name in self.choose(split, by_id)]


def _scene(name: str, image: Path, mask: Path) -> dict:
    for path in (image, mask):
        if not path.is_file():
            raise InputError(f'{path}: missing, of the scene {name}')
    return dict(sample_id=name, img_path=str(image), seg_map_path=str(mask))
