"""Cloud data sets of Wuhan University: HRC_WHU, GF1_WHU and GF12MS_WHU."""

import os
from collections.abc import Sequence
from pathlib import Path

from mmrs.errors import InputError
from mmrs.geo.sensors import GAOFEN
from mmrs.registry import DATASETS
from mmrs.utils.files import find_images, is_image, read_lines

from .cloud_base import CloudDataset, hold_out, list_folder
from .cloud_tiles import TiledCloudDataset

_CLOUDS = {0: 0, 1: 1, 255: 1}
_MASK = '_ReferenceMask'


@DATASETS.register_module()
class HRCWHUDataset(CloudDataset):
    """HRC_WHU: 150 pictures of Google Earth with masks of clouds.

    Li, Shen, Cheng et al., 2019. Red, green and blue of 8 bits, 1280 x 720 px
    of 0.5 to 15 m, of five land covers that the names begin with. Thin cloud
    is cloud only where the ground is not clearly visible.

    Layout, as repacked with the Cloud-Adapter, masks of 0 and 1::

        data/HRC_WHU/img_dir/{train,test}/*.png
        data/HRC_WHU/ann_dir/{train,test}/*.png

    or as published, masks of 0 and 255, anywhere below `data_root`::

        NAME.tif  NAME_ReferenceMask.tif

    Of the latter, ``train.txt`` and ``test.txt`` name the parts; without
    them, a fifth of each land cover is drawn for testing.

    There is no validation part: ``'val'`` is a share of ``'train'``.

    Takes the arguments of :class:`~mmrs.datasets.CloudDataset`.
    """

    BANDS = ('red', 'green', 'blue')
    LABELS = {'2': _CLOUDS, '3': _CLOUDS}
    VIEW = '2'
    SPLITS = ('train', 'val', 'trainval', 'test')
    VALUE_RANGE = (0, 255)
    HOW_TO_GET = (
        'get HRC_WHU from https://github.com/dr-lizhiwei/HRC_WHU and put it '
        'so that data_root holds img_dir and ann_dir, or the files '
        '*_ReferenceMask.tif'
    )

    def scan(self, split: str) -> list[dict]:
        """List the pictures of a split."""
        part = 'test' if split == 'test' else 'train'
        if (Path(self.data_root) / 'img_dir').is_dir():
            pictures = self._repacked(part)
        else:
            pictures = self._published(part)
        names = sorted(pictures)
        if split != 'test':
            names = self.choose(split, names)
        return [
            dict(
                sample_id=name,
                img_path=str(pictures[name][0]),
                seg_map_path=str(pictures[name][1]),
            )
            for name in names
        ]

    def _repacked(self, part: str) -> dict[str, tuple[Path, Path]]:
        images = Path(self.data_root) / 'img_dir' / part
        masks = Path(self.data_root) / 'ann_dir' / part
        names = list_folder(images, self.HOW_TO_GET)
        found = find_images(masks, names)
        _check_complete(names, found, masks)
        return {
            os.path.splitext(name)[0]: (images / name, masks / found[name])
            for name in names
        }

    def _published(self, part: str) -> dict[str, tuple[Path, Path]]:
        pictures = {}
        for mask in sorted(Path(self.data_root).rglob(f'*{_MASK}.*')):
            name = mask.stem.removesuffix(_MASK)
            images = [mask.with_name(name + s) for s in ('.tif', '.tiff')]
            image = next((path for path in images if path.is_file()), None)
            if image is None:
                raise InputError(f'{images[0]}: missing, the image of {mask}')
            pictures[name] = (image, mask)
        listed = Path(self.data_root) / f'{part}.txt'
        if listed.is_file():
            chosen = [
                os.path.splitext(os.path.basename(line))[0]
                for line in read_lines(listed)
            ]
            _check_complete(chosen, pictures, listed)
        else:
            chosen = _by_cover(pictures)[part]
        return {name: pictures[name] for name in chosen}


def _by_cover(names: Sequence[str]) -> dict[str, list[str]]:
    """Draw a fifth of each land cover (``barren`` of ``barren_7``)."""
    shares = dict(train=0.8, test=0.2)
    parts = dict(train=[], test=[])
    for cover in sorted({name.rsplit('_', 1)[0] for name in names}):
        own = [name for name in names if name.rsplit('_', 1)[0] == cover]
        for part, drawn in hold_out(own, shares).items():
            parts[part] += drawn
    return parts


@DATASETS.register_module()
class GF12MSWHUDataset(CloudDataset):
    """GF12MS_WHU: blocks of Gaofen-1 (8 m) and Gaofen-2 (4 m) with masks.

    Zhu, Li and Shen, 2024. 250 x 250 px; 6343 and 4085 blocks of Gaofen-1
    for training and testing, 14,357 and 7560 of Gaofen-2. That the bands are
    blue, green, red and near infrared, of 10 bits, is inferred.

    Layout::

        data/GF12MS_WHU/GF{1,2}MS-WHU/{Train,Test}Block250/NAME.tiff
        data/GF12MS_WHU/GF{1,2}MS-WHU/{Train,Test}Block250/NAME_Mask.tif

    There is no validation part: ``'val'`` is a share of ``'train'``.

    Args:
        *args: As of :class:`~mmrs.datasets.CloudDataset`.
        sensors: Of which satellites.
        **kwargs: As of :class:`~mmrs.datasets.CloudDataset`.
    """

    BANDS = GAOFEN.bands
    SENSOR = GAOFEN
    LABELS = {'2': _CLOUDS, '3': _CLOUDS}
    VIEW = '2'
    SPLITS = ('train', 'val', 'trainval', 'test')
    SCALE = 1 / 1023
    HOW_TO_GET = (
        'get GF12MS_WHU and unpack it so that data_root holds '
        'GF1MS-WHU/TrainBlock250 and GF2MS-WHU/TrainBlock250'
    )

    def __init__(
        self, *args, sensors: Sequence[str] = ('GF1', 'GF2'), **kwargs
    ) -> None:
        self.sensors = tuple(sensors)
        super().__init__(*args, **kwargs)

    def scan(self, split: str) -> list[dict]:
        """List the blocks of a split."""
        part = 'Test' if split == 'test' else 'Train'
        blocks = {}
        for sensor in self.sensors:
            root = Path(self.data_root) / f'{sensor}MS-WHU'
            folder = root / f'{part}Block250'
            files = list_folder(folder, self.HOW_TO_GET)
            stems = {Path(f).stem for f in files}
            names = sorted(s for s in stems if not s.endswith('_Mask'))
            masks = {n: n for n in names if f'{n}_Mask' in stems}
            _check_complete(names, masks, folder)
            for name in names:
                blocks[f'{sensor}_{name}'] = dict(
                    sample_id=f'{sensor}_{name}',
                    img_path=str(folder / f'{name}.tiff'),
                    seg_map_path=str(folder / f'{name}_Mask.tif'),
                )
        names = sorted(blocks)
        if split != 'test':
            names = self.choose(split, names)
        return [blocks[name] for name in names]


@DATASETS.register_module()
class GF1WHUDataset(TiledCloudDataset):
    """GF1_WHU: 108 scenes of Gaofen-1 WFV (16 m) with masks.

    Li, Shen, Li et al., 2017. Masks: 0 no data, 1 clear, 128 shadow of a
    cloud, 255 cloud. Those values, and that the bands are blue, green, red
    and near infrared of 10 bits, are not verified on the data itself; unknown
    values are refused.

    Layout::

        data/GF1_WHU/SCENE.tiff
        data/GF1_WHU/SCENE_ReferenceMask.tif

    Scenes are drawn for training, validation and test (70, 10 and 20 %).

    Args:
        *args: As of :class:`~mmrs.datasets.cloud_tiles.TiledCloudDataset`.
        split_seed: Another seed, another split.
        **kwargs: As of the same.
    """

    BANDS = GAOFEN.bands
    SENSOR = GAOFEN
    LABELS = {
        '2': {0: 255, 1: 0, 128: 0, 255: 1},
        '3': {0: 255, 1: 0, 128: 0, 255: 1},
        '4': {0: 255, 1: 0, 128: 3, 255: 1},
    }
    VIEW = '2'
    SCALE = 1 / 1023
    NODATA = 0
    HOW_TO_GET = (
        'get GF1_WHU and put it so that data_root holds SCENE.tiff and '
        'SCENE_ReferenceMask.tif'
    )
    _SHARES = dict(train=0.7, val=0.1, test=0.2)

    def __init__(self, *args, split_seed: int = 0, **kwargs) -> None:
        self.split_seed = split_seed
        super().__init__(*args, **kwargs)

    def scan(self, split: str) -> list[dict]:
        """List the tiles of the scenes of a split."""
        root = Path(self.data_root)
        files = list_folder(root, self.HOW_TO_GET)
        images = {
            Path(name).stem: root / name
            for name in files
            if is_image(name) and _MASK not in name
        }
        masks = {n: root / f'{n}{_MASK}.tif' for n in images}
        present = {n: m for n, m in masks.items() if m.name in files}
        _check_complete(list(images), present, root)
        chosen = hold_out(images, self._SHARES, self.split_seed)[split]
        return self.cut(
            [
                dict(
                    sample_id=name,
                    img_path=str(images[name]),
                    seg_map_path=str(masks[name]),
                )
                for name in chosen
            ]
        )


def _check_complete(names: Sequence[str], found: dict, where: Path) -> None:
    """Refuse names that nothing was found for."""
    missing = [name for name in names if name not in found]
    if missing:
        raise InputError(
            f'{where}: {len(missing)} of the {len(names)} images, or their '
            f'masks, are missing, first: {missing[0]}; unpack the data again'
        )
