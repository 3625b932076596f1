"""38-Cloud and 95-Cloud."""

import csv
import os
from pathlib import Path

from mmengine.logging import print_log

from mmrs.errors import InputError
from mmrs.geo.images import read_image
from mmrs.registry import DATASETS

from .cloud_base import CloudDataset, list_folder

_BLACK_SHARE = 0.8  # of a patch; from there on the authors call it empty
_CLOUDS = {0: 0, 1: 1, 255: 1}


@DATASETS.register_module()
class Cloud38Dataset(CloudDataset):
    """38-Cloud: 384 x 384 px patches of Landsat 8 with masks of clouds.

    Mohajerani and Saeedi, 2019 and 2020. 8400 patches of 18 scenes for
    training and 9201 of 20 for testing; with 95-Cloud (`additional`) 34,701
    of 75 for training. Thin clouds are clouds, snow is background.

    Layout, as of the repository SorourMo/38-Cloud-A-Cloud-Segmentation-Dataset
    (that of 95-Cloud as used in public code)::

        data/38-Cloud/38-Cloud_training/train_{red,green,blue,nir,gt}/
            {red,green,blue,nir,gt}_patch_NUMBER_ROW_by_COLUMN_SCENE.TIF
        data/38-Cloud/38-Cloud_test/test_{red,green,blue,nir}/
        data/95-Cloud/train_{red,green,blue,nir,gt}_additional_to38cloud/

    Patches of the test part have no masks: predictions are joined into
    scenes and compared with those in ``38-Cloud_test/Entire_scene_gts``. All
    of them are kept, so ``LoadBands(allow_blank=True)`` is needed there.

    Of the training patches a third lie in the black margins of scenes and
    raise scores that count them. With `drop_blank`, those are taken that
    ``training_patches_38-cloud_nonempty.csv`` (or ``..._95-cloud_...``) in
    `data_root`, `additional` or the training folder names. Without such a
    file, all are read once at the start, and dropped where at least 80 % is
    black.

    The data set has no validation part; ``'val'`` takes whole scenes.

    Args:
        *args: As of :class:`~mmrs.datasets.CloudDataset`.
        additional: Folder of the training patches that 95-Cloud adds.
        drop_blank: Whether to leave out training patches that are black.
        **kwargs: As of :class:`~mmrs.datasets.CloudDataset`.
    """

    BANDS = ('red', 'green', 'blue', 'nir')
    ONE_FILE_A_BAND = True
    LABELS = {'2': _CLOUDS, '3': _CLOUDS}
    VIEW = '2'
    SPLITS = ('train', 'val', 'trainval', 'test')
    SCALE = 1 / 65535  # as the authors' Cloud-Net has it
    NODATA = 0
    HOW_TO_GET = (
        'get 38-Cloud from https://github.com/SorourMo/38-Cloud-A-Cloud-'
        'Segmentation-Dataset and unpack it so that data_root holds '
        '38-Cloud_training and 38-Cloud_test, or write one by '
        'tools/misc/make_synthetic.py --layout 38-cloud'
    )

    def __init__(
        self,
        *args,
        additional: str | None = None,
        drop_blank: bool = True,
        **kwargs,
    ) -> None:
        self.additional = additional
        self.drop_blank = drop_blank
        super().__init__(*args, **kwargs)

    def scan(self, split: str) -> list[dict]:
        """List the patches of a split."""
        patches = self._all_patches(split)
        if split == 'test':
            return patches
        scenes = {scene_of(patch['sample_id']) for patch in patches}
        chosen = set(self.choose(split, scenes))
        patches = [p for p in patches if scene_of(p['sample_id']) in chosen]
        return self._without_blank(patches) if self.drop_blank else patches

    def known_ids(self) -> set[str]:
        """Names of all patches, those that are blank included."""
        ids = set()
        for split in ('trainval', 'test'):
            try:
                ids |= {p['sample_id'] for p in self._all_patches(split)}
            except InputError:  # not every copy has both
                continue
        return ids

    def _all_patches(self, split: str) -> list[dict]:
        root = Path(self.data_root)
        if split == 'test':
            return self._patches(root / '38-Cloud_test', 'test_{}')
        patches = self._patches(root / '38-Cloud_training', 'train_{}')
        if self.additional:
            patches += self._patches(
                Path(self.additional), 'train_{}_additional_to38cloud'
            )
        return patches

    def _patches(self, root: Path, pattern: str) -> list[dict]:
        """List the patches below a folder, by those of the first band."""
        first = self.bands[0]
        names = [
            name.removeprefix(f'{first}_')
            for name in list_folder(
                root / pattern.format(first), self.HOW_TO_GET
            )
        ]
        kinds = list(self.bands) + ['gt'] * (not pattern.startswith('test'))
        for kind in kinds[1:]:
            self._check_folder(root / pattern.format(kind), kind, names)
        return [
            dict(
                sample_id=os.path.splitext(name)[0],
                img_path=[
                    str(root / pattern.format(band) / f'{band}_{name}')
                    for band in self.bands
                ],
                seg_map_path=str(root / pattern.format('gt') / f'gt_{name}')
                if 'gt' in kinds
                else None,
            )
            for name in names
        ]

    def _check_folder(self, folder: Path, kind: str, names: list[str]) -> None:
        present = set(list_folder(folder, self.HOW_TO_GET))
        missing = [n for n in names if f'{kind}_{n}' not in present]
        if missing:
            raise InputError(
                f'{folder}: {len(missing)} of the {len(names)} patches are '
                f'missing, first: {kind}_{missing[0]}; unpack the archive '
                'again'
            )

    def _without_blank(self, patches: list[dict]) -> list[dict]:
        listed = self._nonempty()
        if listed is None:
            print_log(
                f'{self.data_root}: no list of patches that are not empty '
                f'({self._csv_name()}), so {len(patches)} patches are read',
                logger='current',
            )
            return [patch for patch in patches if not _is_blank(patch)]
        return [patch for patch in patches if patch['sample_id'] in listed]

    def _csv_name(self) -> str:
        number = 95 if self.additional else 38
        return f'training_patches_{number}-cloud_nonempty.csv'

    def _nonempty(self) -> set[str] | None:
        """Names of the patches that are not empty, where a file tells."""
        root = Path(self.data_root)
        folders = [root, root / '38-Cloud_training']
        if self.additional:
            folders += [Path(self.additional)]
        for folder in folders:
            path = folder / self._csv_name()
            if path.is_file():
                return set(_read_names(path))
        return None


def scene_of(patch: str) -> str:
    """Scene of a patch ``patch_NUMBER_ROW_by_COLUMN_SCENE``."""
    return patch.split('_', 5)[-1]


def _read_names(path: Path) -> list[str]:
    with path.open(encoding='utf-8-sig', newline='') as file:
        reader = csv.DictReader(file)
        if 'name' not in (reader.fieldnames or ()):
            raise InputError(f"{path}: has no column 'name'")
        return [row['name'] for row in reader]


def _is_blank(patch: dict) -> bool:
    black = read_image(patch['img_path'][0]).pixels == 0
    return black.mean() >= _BLACK_SHARE
