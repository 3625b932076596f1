"""Tiny files as cloud data sets have them."""

import warnings

import numpy as np
import pytest


@pytest.fixture
def write_tiff():
    """Return a function that writes (H, W, bands) or (H, W) as a TIFF."""
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning

    def write(path, array, names=None):
        array = np.asarray(array)
        array = array[..., None] if array.ndim == 2 else array
        path.parent.mkdir(parents=True, exist_ok=True)
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', NotGeoreferencedWarning)
            with rasterio.open(
                path,
                'w',
                driver='GTiff',
                height=array.shape[0],
                width=array.shape[1],
                count=array.shape[2],
                dtype=array.dtype,
            ) as raster:
                raster.write(np.moveaxis(array, 2, 0))
                if names:
                    raster.descriptions = names
        return str(path)

    return write


@pytest.fixture
def levir_cs(tmp_path, write_tiff):
    """LEVIR_CS of 10 training and 3 test scenes, 40 x 48 px."""
    rng = np.random.default_rng(0)
    for part, folder, count in (
        ('train', 'label_0_1_2', 10),
        ('test', 'label', 3),
    ):
        for i in range(count):
            name = f'GF1_WFV1_E{i}.0_N45.9_{part}'
            image = rng.integers(1, 1024, (40, 48, 4), dtype=np.uint16)
            write_tiff(tmp_path / part / 'mss' / f'{name}_mss.tiff', image)
            label = np.zeros((40, 48), np.uint8)
            label[:10], label[20:, :9] = 1, 2
            if part == 'test':
                label = np.array([0, 128, 255], np.uint8)[label]
            write_tiff(tmp_path / part / folder / f'{name}_roiMap.tif', label)
    return tmp_path
