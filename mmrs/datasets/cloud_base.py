"""What the readers of cloud and snow data sets share."""

import csv
import math
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log

from mmrs.errors import InputError
from mmrs.geo.sensors import Sensor
from mmrs.utils.files import is_image

from .bad_images import SkipBadImages
from .transforms.bands import IGNORED, read_mask, unknown_values

#: Classes and grey levels of the views that labels are read in. Those of
#: three classes have the greys of the files of the LEVIR laboratory.
VIEWS = {
    '2': dict(
        classes=('background', 'cloud'), palette=[(0, 0, 0), (128, 128, 128)]
    ),
    '3': dict(
        classes=('background', 'cloud', 'snow'),
        palette=[(0, 0, 0), (128, 128, 128), (255, 255, 255)],
    ),
    '4': dict(
        classes=('clear', 'thick', 'thin', 'shadow'),
        palette=[(0, 0, 0), (255, 255, 255), (170, 170, 170), (85, 85, 85)],
    ),
}
_SUBSETS = ('clean', 'noisy')
_EXAMPLES = 5  # names that an error shows


class CloudDataset(SkipBadImages, BaseDataset):
    """Images of some bands with masks of clouds (and snow, shadows).

    Building it lists the files, reads which images are noisy, and checks the
    labels of some files; images are checked as they are loaded by
    :class:`~mmrs.datasets.LoadBands`.

    Samples have ``sample_id`` (unique, without suffix), ``img_path`` (one
    path, or several whose bands follow each other), ``seg_map_path`` (None
    where there is no mask), ``subset`` (``'clean'`` or ``'noisy'``),
    ``difficulty`` (0 to 1); and for the loading transforms ``bands``,
    ``file_bands``, ``scale``, ``offset``, ``nodata``, ``value_range``,
    ``label_map``, ``mask_codes``. ``metainfo`` holds ``classes``, ``palette``
    and ``bands``.

    The quality file says how far to trust labels. Its columns are ``image``
    (a sample_id, or a file name of the image), ``subset`` and ``difficulty``;
    others do not matter here. Images that it does not name are clean.

    A reader of a data set sets the class attributes and :meth:`scan`.

    Args:
        data_root: The folder of the data set.
        split: Which part to take, one of ``SPLITS``.
        bands: Names of the bands to load, in their order. None: all.
        view: Which classes to make of the labels: ``'2'`` background and
            cloud, ``'3'`` with snow, ``'4'`` clear, thick, thin, shadow; as
            far as the labels tell them. None: the richest usual one.
        label_map: Class by value of the files, in place of the reader's.
        file_bands: Names of the bands in the files in their order, in place
            of the reader's.
        scale: As of :class:`~mmrs.datasets.LoadBands`, in place of the
            reader's; so are `offset`, `nodata` and `value_range`.
        offset: See `scale`.
        nodata: See `scale`.
        value_range: See `scale`.
        quality_file: CSV file below `data_root` that tells noisy images.
            Where there is none, all images are clean.
        check_labels: How many masks to check at the start, spread over the
            split: values found against values mapped. 0: none.
        may_lack: Classes that may be absent from the labels. Else a training
            split without a pixel of a class is an error.
        val_share: Of data sets without a part for validation: which part of
            the training images (or scenes) ``'val'`` takes from ``'train'``,
            0 to 1. ``'trainval'`` has all of them.
        val_seed: Another seed, another choice of these.
        metainfo: As of :class:`mmengine.dataset.BaseDataset`, over the
            view's.
        **kwargs: As of :class:`mmengine.dataset.BaseDataset`.

    Raises:
        InputError: A check failed; the message names the file and the fix.
    """

    #: Names of all bands of the files, in their order.
    BANDS: tuple[str, ...] = ()
    #: Whether each band is in a file of its own.
    ONE_FILE_A_BAND = False
    #: Whose bands they are, by which codes such as ``B4`` are understood.
    SENSOR: Sensor | None = None
    #: Class by value of the files, for each view that the labels allow.
    LABELS: Mapping[str, Mapping[int, int]] = {}
    VIEWS = VIEWS
    VIEW = '3'
    SPLITS: tuple[str, ...] = ('train', 'val', 'test')
    SCALE: float | Mapping[str, float] = 1.0
    OFFSET: float | Mapping[str, float] = 0.0
    NODATA: float | None = None
    VALUE_RANGE: tuple[float, float] | None = (0.0, 1.0)
    #: The decoder of the masks, of ``transforms.mask_codes``.
    MASK_CODES: str | None = None
    #: How to get the data, said when some of it is missing.
    HOW_TO_GET = 'set data_root of the data set'

    def __init__(
        self,
        data_root: str,
        split: str = 'train',
        bands: Sequence[str] | None = None,
        view: str | None = None,
        label_map: Mapping[int, int] | None = None,
        file_bands: Sequence[str] | None = None,
        scale: float | Mapping[str, float] | None = None,
        offset: float | Mapping[str, float] | None = None,
        nodata: float | None = None,
        value_range: tuple[float, float] | None = None,
        quality_file: str = 'quality.csv',
        check_labels: int = 20,
        may_lack: Sequence[str] = (),
        val_share: float = 0.1,
        val_seed: int = 0,
        metainfo: dict | None = None,
        **kwargs,
    ) -> None:
        if split not in self.SPLITS:
            raise InputError(
                f'split={split!r} of {type(self).__name__}: must be one of '
                f'{", ".join(self.SPLITS)}'
            )
        self.split = split
        self.file_bands = tuple(file_bands or self.BANDS)
        self.bands = self._check_bands(bands)
        if self.ONE_FILE_A_BAND:
            self.file_bands = self.bands  # others are not even opened
        self.view = str(view or self.VIEW)
        self.label_map = self._find_label_map(label_map)
        self.quality_file = quality_file
        self.check_labels = check_labels
        self.may_lack = tuple(may_lack)
        self.val_share = val_share
        self.val_seed = val_seed
        # Of all samples alike, so they are kept once.
        self._common = dict(
            file_bands=self.file_bands,
            bands=self.bands,
            scale=self.SCALE if scale is None else scale,
            offset=self.OFFSET if offset is None else offset,
            nodata=self.NODATA if nodata is None else nodata,
            value_range=value_range or self.VALUE_RANGE,
            label_map=self.label_map,
            mask_codes=self.MASK_CODES,
            sensor=self.SENSOR,
            # Files of one band, and files whose bands the user names.
            use_file_units=scale is None and offset is None,
            trust_file_bands=self.ONE_FILE_A_BAND or file_bands is not None,
        )
        super().__init__(
            data_root=data_root,
            metainfo=self.VIEWS[self.view]
            | dict(bands=self.bands)
            | (metainfo or {}),
            **kwargs,
        )

    def scan(self, split: str) -> list[dict]:
        """List the samples of a split, without opening them.

        Each has ``sample_id``, ``img_path`` and ``seg_map_path``, and may
        have ``window`` or ``frame``.

        Raises:
            InputError: Files are missing.
        """
        raise NotImplementedError

    def known_ids(self) -> set[str]:
        """Names of the images of all splits, which a quality file may use."""
        ids = set()
        for split in self.SPLITS:
            try:
                ids |= {sample['sample_id'] for sample in self.scan(split)}
            except InputError:  # not every copy has all splits
                continue
        return ids

    def load_data_list(self) -> list[dict]:
        """List the samples, and make the checks."""
        samples = self.scan(self.split)
        if not samples:
            raise InputError(
                f'{self.data_root}: has no images of the split '
                f'{self.split!r}; {self.HOW_TO_GET}'
            )
        _check_unique(samples, self.data_root)
        if not self.test_mode:
            self._check_all_labelled(samples)
        self._add_quality(samples)
        if self.check_labels:
            self._check_samples(samples)
        return samples

    def get_data_info(self, idx: int) -> dict:
        """Get what is known of an image before its files are read."""
        return super().get_data_info(idx) | self._common

    def choose(self, split: str, names: Iterable[str]) -> list[str]:
        """Take the part of the training images that a split is.

        Args:
            split: ``'train'``, ``'val'`` or ``'trainval'``.
            names: Of all training images, or scenes.

        Returns:
            Sorted names.
        """
        if split == 'trainval':
            return sorted(names)
        shares = dict(val=self.val_share, train=1 - self.val_share)
        return hold_out(names, shares, self.val_seed)[split]

    def _check_bands(self, bands: Sequence[str] | None) -> tuple[str, ...]:
        wanted = tuple(bands or self.file_bands)
        unknown = [band for band in wanted if band not in self.file_bands]
        if unknown:
            raise InputError(
                f'bands={wanted} of {type(self).__name__}: there is no '
                f'{unknown[0]!r}, but {", ".join(self.file_bands)}'
            )
        return wanted

    def _find_label_map(
        self, label_map: Mapping[int, int] | None
    ) -> dict[int, int]:
        if self.view not in self.VIEWS or not (
            label_map or self.view in self.LABELS
        ):
            raise InputError(
                f'view={self.view!r} of {type(self).__name__}: its labels '
                f'allow {", ".join(self.LABELS)}; or give label_map with a '
                f'view of {", ".join(self.VIEWS)}'
            )
        found = dict(label_map or self.LABELS[self.view])
        count = len(self.VIEWS[self.view]['classes'])
        wrong = set(found.values()) - {*range(count), IGNORED}
        if wrong:
            raise InputError(
                f'label_map of {type(self).__name__}: {min(wrong)} is no '
                f'class of the view {self.view!r}; they are 0 to {count - 1}, '
                f'and {IGNORED} for pixels to ignore'
            )
        return found

    def _check_all_labelled(self, samples: list[dict]) -> None:
        bare = [s['sample_id'] for s in samples if s['seg_map_path'] is None]
        if bare:
            raise InputError(
                f'{self.data_root}: {len(bare)} of the {len(samples)} images '
                f'of the split {self.split!r} have no mask '
                f'({_shorten(bare)}), so one cannot train on them; '
                f'{self.HOW_TO_GET}'
            )

    def _add_quality(self, samples: list[dict]) -> None:
        """Set ``subset`` and ``difficulty`` of all samples."""
        path = Path(self.data_root) / self.quality_file
        quality = {}
        if self.quality_file and path.is_file():
            quality = read_quality(path)
            self._check_quality(path, quality, samples)
        for sample in samples:
            subset, difficulty = quality.get(
                sample['sample_id'], ('clean', 0.0)
            )
            sample.update(subset=subset, difficulty=difficulty)

    def _check_quality(
        self, path: Path, quality: dict, samples: list[dict]
    ) -> None:
        own = {sample['sample_id'] for sample in samples}
        unknown = quality.keys() - own
        if unknown:
            unknown -= self.known_ids()
        if unknown:
            raise InputError(
                f'{path}: names {len(unknown)} image(s) that are not in '
                f'{self.data_root}: {_shorten(sorted(unknown))}; take them '
                'out of it, or copy the images there'
            )
        named = len(own & quality.keys())
        noisy = sum(quality[i][0] == 'noisy' for i in own & quality.keys())
        print_log(
            f'{path}: {noisy} of the {len(own)} images of {self.split!r} are '
            f'noisy; {len(own) - named} are not named and taken as clean',
            logger='current',
        )

    def _check_samples(self, samples: list[dict]) -> None:
        """Compare some masks with the label map."""
        spread = _spread(len(samples), self.check_labels)
        counts = Counter()
        for i in spread:
            counts.update(self._count_labels(samples[i]))
        if not self.test_mode:
            # A rare class may be in none of the few, so all are looked at.
            rest = sorted(set(range(len(samples))) - set(spread))
            for i in rest:
                if not self._lacking(counts):
                    break
                counts.update(self._count_labels(samples[i]))
            self._check_classes(counts)
        if counts:
            self._log_histogram(counts)

    def _count_labels(self, sample: dict) -> Counter:
        """Count pixels by class.

        Raises:
            InputError: A value is not in the label map.
        """
        if sample['seg_map_path'] is None:
            return Counter()
        values, counts = np.unique(
            read_mask(sample | self._common), return_counts=True
        )
        unknown = [int(v) for v in values if int(v) not in self.label_map]
        if unknown:
            raise InputError(
                unknown_values(sample['seg_map_path'], unknown, self.label_map)
            )
        found = Counter()
        for value, count in zip(values.tolist(), counts.tolist()):
            found[self.label_map[int(value)]] += count
        return found

    def _lacking(self, counts: Counter) -> list[str]:
        """Classes that the label map makes and no mask so far has."""
        classes = self.VIEWS[self.view]['classes']
        made = set(self.label_map.values()) - {IGNORED}
        names = (classes[i] for i in sorted(made - counts.keys()))
        return [name for name in names if name not in self.may_lack]

    def _check_classes(self, counts: Counter) -> None:
        lacking = self._lacking(counts)
        if lacking:
            raise InputError(
                f'{self.data_root}: no mask of the split {self.split!r} has a '
                f'pixel of {", ".join(lacking)}; correct label_map or view '
                f'of the data set, or set may_lack={lacking!r}'
            )

    def _log_histogram(self, counts: Counter) -> None:
        classes = self.VIEWS[self.view]['classes']
        names = [*enumerate(classes), (IGNORED, 'ignored')]
        shares = ', '.join(
            f'{name} {counts[i] / counts.total():.1%}' for i, name in names
        )
        print_log(
            f'{self.data_root} ({self.split}): pixels of the checked masks: '
            f'{shares}',
            logger='current',
        )


def read_quality(path: Path) -> dict[str, tuple[str, float]]:
    """Read which images are noisy, and how difficult each one is.

    Args:
        path: CSV file of the columns ``image``, ``subset`` and, if wanted,
            ``difficulty``.

    Returns:
        Subset and difficulty (0 to 1) by sample_id. Where there is no column
        ``difficulty``, clean images have 0 and noisy ones 1.

    Raises:
        InputError: A column is missing, or a value is none of those.
    """
    with path.open(encoding='utf-8-sig', newline='') as file:
        reader = csv.DictReader(file)
        lacking = {'image', 'subset'} - set(reader.fieldnames or ())
        if lacking:
            raise InputError(
                f'{path}: has no column {", ".join(sorted(lacking))}; write '
                'it by tools/dataset_converters/cloud_quality.py'
            )
        rows = list(reader)
    quality = {}
    for line, row in enumerate(rows, 2):
        name, subset = row['image'], row['subset']
        if subset not in _SUBSETS:
            raise InputError(
                f'{path}, line {line}: subset={subset!r} is neither clean '
                'nor noisy'
            )
        told = row.get('difficulty') or _SUBSETS.index(subset)
        try:
            difficulty = float(told)
        except ValueError:
            difficulty = math.nan
        if not 0 <= difficulty <= 1:
            raise InputError(
                f'{path}, line {line}: difficulty={told!r} is not in 0 to 1'
            )
        if is_image(name):
            name = Path(name).stem
        quality[name] = (subset, difficulty)
    return quality


def hold_out(
    names: Iterable[str], shares: Mapping[str, float], seed: int = 0
) -> dict[str, list[str]]:
    """Split names at random, the same way on every machine.

    Args:
        names: Unique, in any order.
        shares: Part of all by the name of the split; the last one takes what
            is left by rounding.
        seed: Another seed, another split.

    Returns:
        Sorted names by split.
    """
    names = sorted(names)
    order = np.random.default_rng(seed).permutation(len(names))
    bounds = np.cumsum([0, *shares.values()]) / sum(shares.values())
    cuts = np.rint(bounds * len(names)).astype(int)
    return {
        split: sorted(names[i] for i in order[start:end])
        for split, start, end in zip(shares, cuts, cuts[1:])
    }


def list_folder(folder: Path, how_to_get: str) -> list[str]:
    """List the sorted names of the image files of a folder.

    Raises:
        InputError: There is no such folder; `how_to_get` says what to do.
    """
    if not folder.is_dir():
        raise InputError(f'{folder}: no such folder; {how_to_get}')
    return sorted(filter(is_image, os.listdir(folder)))


def _check_unique(samples: list[dict], root: str) -> None:
    counts = Counter(sample['sample_id'] for sample in samples)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise InputError(
            f'{root}: {len(twice)} image(s) are listed more than once: '
            f'{_shorten(twice)}'
        )


def _spread(total: int, count: int) -> list[int]:
    """Take numbers below `total`, evenly spread."""
    return np.unique(np.linspace(0, total - 1, min(count, total)).astype(int))


def _shorten(names: Sequence[str]) -> str:
    more = ', ...' if len(names) > _EXAMPLES else ''
    return ', '.join(names[:_EXAMPLES]) + more
