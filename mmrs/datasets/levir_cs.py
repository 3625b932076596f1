"""LEVIR_CS."""

import os
from pathlib import Path, PurePosixPath

from mmrs.errors import InputError
from mmrs.geo.sensors import GAOFEN
from mmrs.registry import DATASETS
from mmrs.utils.files import is_image, read_lines

from .cloud_base import CloudDataset

_MSS, _DEM, _LABEL = '_mss', '_dem', '_roiMap'
_LABEL_FOLDERS = ('label_0_1_2', 'label')


@DATASETS.register_module()
class LevirCSDataset(CloudDataset):
    """LEVIR_CS: 4168 scenes of Gaofen-1 WFV with masks of cloud and snow.

    Wu, Shi and Zou, 2021. Four bands of 10 bits (0 to 1023). Of each scene
    there is an elevation model in metres, too: the band ``'dem'``, which is
    loaded where `bands` names it, and need not be there else.

    Layout, as of the lists of its authors (permanentCH5/GeoInfoNet)::

        data/LEVIR_CS/train/mss/NAME_mss.tiff
        data/LEVIR_CS/train/dem/NAME_dem.tiff
        data/LEVIR_CS/train/label_0_1_2/NAME_roiMap.tif     0, 1, 2
        data/LEVIR_CS/test/mss/NAME_mss.tiff
        data/LEVIR_CS/test/dem/NAME_dem.tiff
        data/LEVIR_CS/test/label/NAME_roiMap.tif            0, 128, 255
        data/LEVIR_CS/{train,test}.txt                      if wanted

    The order of the bands, and the folder and values of the test labels, are
    inferred: the authors' code writes the first three bands as blue, green
    and red, and its results as 0, 128 and 255. Either folder of labels, with
    either values, serves for both parts.

    A line of a list is ``MSS DEM LABEL``, or ``MSS DEM`` (their files of
    ``/YOUR_DATASET_PATH/train/mss/...`` serve as they are): of a path, the
    last three parts count, below `data_root`. Without a list, all files of
    the folder are taken.

    The data set has no validation part: ``'val'`` is a random share of
    ``'train'``, the other share is ``'train'``, and ``'trainval'`` is both.

    Args:
        *args: As of :class:`~mmrs.datasets.CloudDataset`.
        list_file: List of the scenes, below `data_root`. None:
            ``train.txt`` or ``test.txt``, where it is there.
        **kwargs: As of :class:`~mmrs.datasets.CloudDataset`.
    """

    BANDS = (*GAOFEN.bands, 'dem')
    SENSOR = GAOFEN
    LABELS = {
        '3': {0: 0, 1: 1, 2: 2, 128: 1, 255: 2},
        '2': {0: 0, 1: 1, 2: 0, 128: 1, 255: 0},
    }
    SPLITS = ('train', 'val', 'trainval', 'test')
    # Of the DEM as the authors' code has it, in 10 km.
    SCALE = dict.fromkeys(BANDS[:4], 1 / 1023) | dict(dem=1e-4)
    HOW_TO_GET = (
        'get LEVIR_CS (links: https://github.com/permanentCH5/GeoInfoNet) and '
        'unpack it so that data_root holds train/mss, train/label_0_1_2 and '
        'test/mss, or write one by tools/misc/make_synthetic.py --layout '
        'levir-cs'
    )

    def __init__(
        self,
        *args,
        list_file: str | None = None,
        **kwargs,
    ) -> None:
        self.list_file = list_file
        super().__init__(*args, **kwargs)

    def _check_bands(self, bands):
        """Take the four bands of the image where none are named."""
        bands = super()._check_bands(bands or self.file_bands[:4])
        if 'dem' not in bands:
            self.file_bands = tuple(b for b in self.file_bands if b != 'dem')
        return bands

    def scan(self, split: str) -> list[dict]:
        """List the scenes of a split."""
        part = 'test' if split == 'test' else 'train'
        scenes = self._listed(part) or self._found(part)
        names = (
            sorted(scenes) if part == 'test' else self.choose(split, scenes)
        )
        self._check_files(part, {name: scenes[name] for name in names})
        return [self._sample(name, scenes[name]) for name in names]

    def _listed(self, part: str) -> dict[str, dict[str, Path]]:
        """Files of the scenes of the list, by name; none without a list."""
        root = Path(self.data_root)
        path = root / (self.list_file or f'{part}.txt')
        if not path.is_file():
            if self.list_file:
                raise InputError(f'{path}: no such list of scenes (list_file)')
            return {}
        scenes = {}
        for line in read_lines(path):
            places = [_below(root, place) for place in line.split()]
            files = dict(zip((_MSS, _DEM, _LABEL), places))
            files.setdefault(_DEM, None)
            name = _name(files[_MSS].name)
            if _LABEL not in files:
                files[_LABEL] = self._labels(part).get(name)
            scenes[name] = files
        return scenes

    def _found(self, part: str) -> dict[str, dict[str, Path]]:
        """Files of all scenes of the folder, by name."""
        root = Path(self.data_root) / part
        if not (root / 'mss').is_dir():
            raise InputError(
                f'{root / "mss"}: no such folder; {self.HOW_TO_GET}'
            )
        images, dems = _index(root / 'mss'), _index(root / 'dem')
        labels = self._labels(part)
        return {
            name: {_MSS: path, _DEM: dems.get(name), _LABEL: labels.get(name)}
            for name, path in images.items()
        }

    def _labels(self, part: str) -> dict[str, Path]:
        """Masks of the first folder that there is, by name of the scene."""
        for folder in _LABEL_FOLDERS:
            path = Path(self.data_root) / part / folder
            if path.is_dir():
                return _index(path)
        return {}

    def _check_files(self, part: str, scenes: dict) -> None:
        """Refuse scenes of a list, or their elevation, that are not there."""
        keys = [_MSS, _DEM] if 'dem' in self.bands else [_MSS]
        keys += [_LABEL] * (part == 'train')
        paths = {
            f'{name}{key}': files[key]
            for name, files in scenes.items()
            for key in keys
        }
        folders = {path.parent for path in paths.values() if path is not None}
        present = {
            folder / name
            for folder in folders
            if folder.is_dir()
            for name in os.listdir(folder)
        }
        missing = [
            str(path or key)
            for key, path in paths.items()
            if path not in present
        ]
        if missing:
            raise InputError(
                f'{self.data_root}: {len(missing)} file(s) of {part} are not '
                f'there, first: {", ".join(missing[:3])}; {self.HOW_TO_GET}'
            )

    def _sample(self, name: str, files: dict[str, Path | None]) -> dict:
        images = [files[_MSS]]
        if 'dem' in self.bands:
            images.append(files[_DEM])
        paths = [str(path) for path in images]
        label = files[_LABEL]
        return dict(
            sample_id=name,
            img_path=paths if len(paths) > 1 else paths[0],
            seg_map_path=None if label is None else str(label),
        )


def _below(root: Path, place: str) -> Path:
    """Take the last three parts of a path of a list, below the root."""
    parts = PurePosixPath(place.replace('\\', '/')).parts
    return root.joinpath(*parts[-3:])


def _name(file_name: str) -> str:
    """Name of a scene, by any of its files."""
    stem = os.path.splitext(file_name)[0]
    for ending in (_MSS, _DEM, _LABEL):
        stem = stem.removesuffix(ending)
    return stem


def _index(folder: Path) -> dict[str, Path]:
    """Image files of a folder by the name of the scene."""
    if not folder.is_dir():
        return {}
    return {
        _name(name): folder / name
        for name in sorted(os.listdir(folder))
        if is_image(name)
    }
