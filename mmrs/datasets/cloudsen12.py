"""CloudSEN12."""

from pathlib import Path

from mmrs.errors import InputError
from mmrs.geo.sensors import SENTINEL2
from mmrs.registry import DATASETS

from .cloud_base import CloudDataset
from .transforms.frames import count_frames

_CLOUDS = {0: 0, 1: 1, 2: 1, 3: 0, 99: 255}


@DATASETS.register_module()
class CloudSEN12Dataset(CloudDataset):
    """CloudSEN12 and CloudSEN12+: Sentinel-2 with hand-made masks.

    Aybar et al., 2022 and 2024. 8490, 535 and 975 patches of 509 x 509 px of
    10 m, padded to 512: where all bands are 0, pixels are ignored. Classes
    are clear, thick and thin cloud, and shadow; snow is clear. In
    CloudSEN12+, the value 99 is no data.

    Layout, of memory maps (N, 512, 512)::

        data/CloudSEN12/{train,val,test}/L1C_B1.dat ... L1C_B12.dat    int16
        data/CloudSEN12/{train,val,test}/L2A_B1.dat ... L2A_B12.dat    int16
        data/CloudSEN12/{train,val,test}/LABEL_manual_hq.dat           int8

    A ``sample_id`` is the split and the number of the patch in the maps.

    Args:
        *args: As of :class:`~mmrs.datasets.CloudDataset`.
        level: ``'L1C'``, of 13 bands, or ``'L2A'``, which has no
            ``'cirrus'``.
        **kwargs: As of :class:`~mmrs.datasets.CloudDataset`.
    """

    BANDS = SENTINEL2.bands
    SENSOR = SENTINEL2
    ONE_FILE_A_BAND = True
    LABELS = {
        '2': _CLOUDS,
        '3': _CLOUDS,
        '4': {0: 0, 1: 1, 2: 2, 3: 3, 99: 255},
    }
    VIEW = '4'
    SCALE = 1e-4
    NODATA = 0
    HOW_TO_GET = (
        'get CloudSEN12 (high quality) as memory maps from '
        'https://cloudsen12.github.io and put them so that data_root holds '
        'train/LABEL_manual_hq.dat and train/L1C_B1.dat'
    )

    def __init__(self, *args, level: str = 'L1C', **kwargs) -> None:
        if level not in ('L1C', 'L2A'):
            raise InputError(
                f'level={level!r} of CloudSEN12Dataset: must be L1C or L2A'
            )
        self.level = level
        if level == 'L2A':
            kwargs.setdefault(
                'file_bands', [b for b in self.BANDS if b != 'cirrus']
            )
        super().__init__(*args, **kwargs)

    def scan(self, split: str) -> list[dict]:
        """List the frames of a split."""
        folder = Path(self.data_root) / split
        label = folder / 'LABEL_manual_hq.dat'
        images = [
            folder / f'{self.level}_{SENTINEL2.codes[band]}.dat'
            for band in self.bands
        ]
        for path in (label, *images):
            if not path.is_file():
                raise InputError(f'{path}: no such file; {self.HOW_TO_GET}')
        count = count_frames(label, 'msk')
        for path in images:
            if count_frames(path) != count:
                raise InputError(
                    f'{path}: has {count_frames(path)} frames, but {label} '
                    f'has {count}; download it again'
                )
        return [
            dict(
                sample_id=f'{split}_{i:05d}',
                img_path=[str(path) for path in images],
                seg_map_path=str(label),
                frame=i,
            )
            for i in range(count)
        ]
