"""Images with their pixel size, for generation at several resolutions."""

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from mmengine.dataset import BaseDataset

from mmrs.errors import InputError
from mmrs.geo.georeference import ground_size, read_georeference
from mmrs.geo.images import image_size
from mmrs.registry import DATASETS
from mmrs.utils.files import is_image, list_files, read_lines

from .bad_images import SkipBadImages

_INDEX = 'index.jsonl'
_FOLDER = re.compile(r'r(\d+(\.\d+)?)')
_NOTED = ('lat', 'lon', 'epsg')


@DATASETS.register_module()
class ResolutionPyramidDataset(SkipBadImages, BaseDataset):
    """Tiles of known pixel size, in one folder a resolution or in any.

    With `split`, the layout is (ours)::

        data_root/{train,val,test}/{r64,r16,r4}/*.png or *.tif
        data_root/{train,val,test}/index.jsonl

    A folder's name tells the metres a pixel. The index is optional; a line of
    it is ``{"file": "r64/0.png", "res": 64, "lat": ..., "lon": ..., "epsg":
    ..., "source": ..., "license": ...}``, of which the first two are needed.
    Splits should be by location: neighbouring tiles look alike.

    Without `split`, all images below `data_root` are taken, of `gsd` metres a
    pixel or what each GeoTIFF says.

    An image gives one sample for each of `levels`: the steps of a pyramid.
    Samples have ``img_path``, ``sample_id``, ``reduce`` (the level) and
    ``resolution`` in metres a pixel, and where the index tells them ``lat``,
    ``lon`` and ``epsg``. An image that
    :class:`~mmrs.datasets.LoadRSImage` refuses is skipped in training, as
    :class:`~mmrs.datasets.bad_images.SkipBadImages` says.

    Args:
        data_root: The folder.
        split: Folder in it, of the layout above.
        gsd: Metres a pixel of all images, without `split`.
        ann_file: Text file of the images to take, a path below the folder of
            images a line; without `split`.
        levels: By how much to reduce each image, 1 for not at all:
            ``(1, 4, 16)`` makes three resolutions of one image.
        resolutions: Take these alone, in metres a pixel.
        max_per_resolution: Take as many of each resolution at most, evenly
            spread; for validation.
        **kwargs: As of :class:`mmengine.dataset.BaseDataset`;
            ``data_prefix=dict(img_path=...)`` is where in `data_root` the
            images are.

    Raises:
        InputError: Something is missing; the message names the file and the
            fix.
    """

    def __init__(
        self,
        data_root: str = '',
        split: str | None = None,
        gsd: float | None = None,
        ann_file: str = '',
        levels: Sequence[float] = (1,),
        resolutions: Sequence[float] | None = None,
        max_per_resolution: int | None = None,
        **kwargs,
    ) -> None:
        if not levels or min(levels) < 1:
            raise InputError(
                f'levels={tuple(levels)} of the data set: give factors of '
                'reduction, 1 or more'
            )
        if gsd is not None and not gsd > 0:
            raise InputError(f'gsd={gsd:g} of the data set must be above 0')
        if split is not None and (gsd is not None or ann_file):
            raise InputError(
                f'split={split!r} of the data set is of the layout with a '
                'folder a resolution, which needs neither gsd nor ann_file; '
                'leave those or split out'
            )
        self.split = split
        self.gsd = gsd
        self.levels = tuple(levels)
        self.resolutions = resolutions
        self.max_per_resolution = max_per_resolution
        super().__init__(data_root=data_root, ann_file=ann_file, **kwargs)

    def full_init(self) -> None:
        """Load the list of images."""
        if self._fully_initialized:
            return
        super().full_init()
        #: Metres a pixel of each sample, float64 (N,).
        self.sample_resolutions = np.array(
            [self.get_data_info(i)['resolution'] for i in range(len(self))]
        )

    def load_data_list(self) -> list[dict]:
        """Find the images, and what a pixel of each covers."""
        folder = Path(self.data_prefix['img_path'], self.split or '')
        if not folder.is_dir():
            raise InputError(
                f'{folder}: no such folder; set data_root and split of the '
                'data set, or write one with tools/misc/make_synthetic.py '
                '--layout metaearth'
            )
        images = self._split(folder) if self.split else self._plain(folder)
        samples = [
            dict(
                image,
                reduce=level,
                resolution=image['resolution'] * level,
                sample_id=_sample_id(image, folder, level),
            )
            for image in images
            for level in self.levels
        ]
        if not samples:
            raise InputError(f'{folder}: holds no images; set data_root')
        return self._choose(samples, folder)

    def _split(self, folder: Path) -> Iterator[dict]:
        """Images of the layout with a folder a resolution."""
        sizes = {
            path.name: float(match[1])
            for path in sorted(folder.iterdir())
            if path.is_dir() and (match := _FOLDER.fullmatch(path.name))
        }
        files = list_files(folder, sizes)
        if (folder / _INDEX).is_file():
            yield from _read_index(folder, files)
            return
        if not sizes:
            raise InputError(
                f'{folder}: has neither {_INDEX} nor folders named after '
                'metres a pixel (r64, r16, r4); for a plain folder of images '
                'leave split out and give gsd'
            )
        for file in sorted(filter(is_image, files)):
            yield dict(
                img_path=str(folder / file),
                resolution=sizes[os.path.dirname(file)],
            )

    def _plain(self, folder: Path) -> Iterator[dict]:
        """All images in a folder and below, or those of a list."""
        if self.ann_file:
            files = [folder / line for line in read_lines(self.ann_file)]
            missing = [str(file) for file in files if not file.is_file()]
            if missing:
                raise InputError(
                    f'{self.ann_file}: {len(missing)} of its {len(files)} '
                    f'images do not exist, first: {missing[0]}; set data_root'
                )
        else:
            files = sorted(filter(is_image, folder.rglob('*')))
        for file in files:
            resolution = self.gsd or _tagged_gsd(file)
            yield dict(img_path=str(file), resolution=resolution)

    def _choose(self, samples: list[dict], folder: Path) -> list[dict]:
        """Take what `resolutions` and `max_per_resolution` ask for."""
        groups: dict[float, list[dict]] = {}
        for sample in samples:
            groups.setdefault(sample['resolution'], []).append(sample)
        wanted = self.resolutions or sorted(groups, reverse=True)
        missing = [r for r in wanted if r not in groups]
        if missing:
            found = ', '.join(f'{r:g}' for r in sorted(groups, reverse=True))
            raise InputError(
                f'{folder}: has no images of {missing[0]:g} m a pixel, but '
                f'of {found}; set resolutions or levels of the data set'
            )
        self._metainfo['resolutions'] = tuple(wanted)
        chosen = []
        for resolution in wanted:
            group = groups[resolution]
            count = min(len(group), self.max_per_resolution or len(group))
            at = np.arange(count) * len(group) // count
            chosen += [group[i] for i in at]
        return chosen


def _sample_id(image: dict, folder: Path, level: float) -> str:
    name = os.path.relpath(image['img_path'], folder)
    name = os.path.splitext(name)[0]
    return name if level == 1 else f'{name}@{level:g}'


def _read_index(folder: Path, files: set[str]) -> Iterator[dict]:
    path = folder / _INDEX
    for number, line in enumerate(read_lines(path), 1):
        try:
            entry = json.loads(line)
            file, resolution = entry['file'], float(entry['res'])
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(
                f'{path}: line {number} must be JSON with "file" and "res", '
                f'metres a pixel ({type(error).__name__}: {error})'
            ) from error
        if file not in files and not (folder / file).is_file():
            raise InputError(
                f'{path}: line {number} names {file}, which is not in '
                f'{folder}; copy it there or take the line out'
            )
        noted = {key: entry[key] for key in _NOTED if key in entry}
        yield dict(img_path=str(folder / file), resolution=resolution, **noted)


def _tagged_gsd(file: Path) -> float:
    """Metres a pixel as the CRS of a GeoTIFF tells."""
    ground = ground_size(read_georeference(file), image_size(file))
    if ground.side is None:
        raise InputError(
            f'{file}: {ground.note or "has no place on the ground"}; set gsd '
            'of the data set to the metres a pixel of all images'
        )
    # A projection's metre is not the ground's to the last digit.
    return float(f'{ground.side:.6g}')
