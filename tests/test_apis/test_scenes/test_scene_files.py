import json

import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image

from mmrs.apis.scenes import ClassSink, predict_scene
from mmrs.errors import BadImageError
from mmrs.geo.georeference import Georeference
from mmrs.geo.row_file import RowFile
from mmrs.geo.source import (
    ArraySource,
    PairSource,
    RasterSource,
    open_source,
)
from mmrs.geo.writer import RasterTarget, write_rows

UTM = Affine(10.0, 0, 600000.25, 0, -10.0, 5000000.75)


def write_tiff(path, pixels, names=None, crs='EPSG:32633', **settings):
    """Write (H, W, bands)."""
    height, width, count = pixels.shape
    settings = dict(transform=UTM, nodata=0) | settings
    with rasterio.open(
        path,
        'w',
        driver='GTiff',
        height=height,
        width=width,
        count=count,
        dtype=pixels.dtype,
        crs=crs,
        **settings,
    ) as file:
        file.write(np.moveaxis(pixels, 2, 0))
        if names:
            file.descriptions = names
    return path


@pytest.fixture
def scene() -> np.ndarray:
    pixels = np.random.default_rng(0).integers(1, 1000, (90, 140, 4))
    pixels[:20, :30] = 0
    return pixels.astype(np.uint16)


def test_windows_of_a_raster(tmp_path, scene):
    path = write_tiff(
        tmp_path / 'a.tif', scene, ('blue', 'green', 'red', 'nir')
    )
    source = open_source(path, ['red', 'blue'])
    assert source.shape == (90, 140)
    assert source.bands == ('red', 'blue')
    assert source.place == Georeference(rasterio.crs.CRS.from_epsg(32633), UTM)
    with source.opened(64, 2):
        pixels, valid = source.read((10, 20, 30, 40))
        np.testing.assert_array_equal(pixels, scene[10:40, 20:60, [2, 0]])
        np.testing.assert_array_equal(valid, scene[10:40, 20:60, 0] > 0)
        assert source.read((40, 40, 8, 8))[1] is None
        thin, valid = source.thin_out(10)
    np.testing.assert_array_equal(thin, scene[5::10, 5::10, [2, 0]])
    assert not valid[0, 0] and valid[-1, -1]


def test_bands_that_are_not_there(tmp_path, scene):
    path = write_tiff(
        tmp_path / 'a.tif', scene, ('blue', 'green', 'red', 'nir')
    )
    for band in ('swir', 4, -1):
        with pytest.raises(BadImageError, match='no band .* blue, green, red'):
            open_source(path, [band])
    with pytest.raises(BadImageError, match='4 band.* 2 names'):
        RasterSource(path, names=['blue', 'green'])


def test_a_file_a_band_of_several_resolutions(tmp_path, scene):
    coarse = np.repeat(np.repeat([[[7]]], 45, 0), 70, 1).astype(np.uint16)
    paths = [
        write_tiff(tmp_path / 'b02.tif', scene[..., :1]),
        write_tiff(
            tmp_path / 'b11.tif', coarse, transform=UTM @ Affine.scale(2)
        ),
    ]
    source = RasterSource(paths, names=['blue', 'swir'])
    pixels, valid = source.read((0, 0, 90, 140))
    np.testing.assert_array_equal(pixels[..., 0], scene[..., 0])
    assert (pixels[..., 1] == 7).all() and valid is None
    source.pick(['swir'])
    assert source.read((3, 3, 5, 5))[0].shape == (5, 5, 1)


def test_files_of_other_ground(tmp_path, scene):
    paths = [
        write_tiff(tmp_path / 'a.tif', scene),
        write_tiff(
            tmp_path / 'b.tif', scene, transform=UTM @ Affine.translation(3, 0)
        ),
    ]
    with pytest.raises(BadImageError, match='b.tif: shows other ground'):
        RasterSource(paths)


def test_a_mask_band_and_not_finite_values(tmp_path):
    pixels = np.ones((40, 40, 2), np.float32)
    pixels[0, 0, 1] = np.nan
    path = write_tiff(tmp_path / 'a.tif', pixels, nodata=None)
    with rasterio.open(path, 'r+') as file:
        mask = np.full((40, 40), 255, np.uint8)
        mask[5] = 0
        file.write_mask(mask)
    _, valid = RasterSource(path).read((0, 0, 40, 40))
    expected = np.ones((40, 40), bool)
    expected[5], expected[0, 0] = False, False
    np.testing.assert_array_equal(valid, expected)


def test_a_broken_block_is_told(tmp_path, scene):
    path = write_tiff(
        tmp_path / 'a.tif',
        np.tile(scene, (8, 8, 1)),
        compress='deflate',
        tiled=True,
        blockxsize=256,
        blockysize=256,
    )
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = bytes(2000)
    path.write_bytes(data)
    source = RasterSource(path)
    sink = ClassSink(tmp_path / 'rows', source.shape, 2)
    with pytest.raises(BadImageError, match='a.tif: .* row .* cannot be read'):
        predict_scene(
            source,
            lambda tiles: np.zeros((len(tiles), 2, 256, 256)),
            2,
            [sink],
            256,
            0,
            show_progress=False,
        )


def test_files_stay_open_until_all_readers_have_ended(tmp_path, scene):
    path = write_tiff(
        tmp_path / 'a.tif', np.tile(scene, (8, 8, 1)), compress='deflate'
    )
    source = RasterSource(path)

    def fails(tiles):
        raise IndexError('out of range')

    sink = ClassSink(tmp_path / 'rows', source.shape, 2)
    for _ in range(20):
        with pytest.raises(RuntimeError, match='out of range'):
            predict_scene(
                source,
                fails,
                2,
                [sink],
                256,
                128,
                batch_size=1,
                num_workers=4,
                show_progress=False,
            )


@pytest.mark.parametrize(
    ('content', 'message'), [(None, 'no such'), (b'II*\0no', 'unreadable')]
)
def test_files_that_cannot_be_opened(tmp_path, content, message):
    path = tmp_path / 'a.tif'
    if content:
        path.write_bytes(content)
    with pytest.raises(BadImageError, match=message):
        RasterSource(path)


def test_plain_images_and_arrays(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / 'a.png')
    source = open_source(tmp_path / 'a.png', ['blue', 'red'])
    assert source.place is None
    found, _ = source.read((0, 0, 20, 30))
    np.testing.assert_array_equal(found, pixels[..., [2, 0]])
    source = open_source(pixels, [1])
    thin, _ = source.thin_out(4)
    np.testing.assert_array_equal(
        thin, pixels[2::4, [*range(2, 29, 4), 29], 1:2]
    )
    with pytest.raises(BadImageError, match='of shape'):
        ArraySource(np.zeros((2, 0, 3)))


def test_two_dates(tmp_path, scene):
    later = scene.copy()
    later[80:] = 0
    paths = [
        write_tiff(tmp_path / 'a.tif', scene),
        write_tiff(tmp_path / 'b.tif', later),
    ]
    source = PairSource(*(open_source(path, [0, 1]) for path in paths))
    with source.opened(64, 1):
        pixels, valid = source.read((10, 10, 75, 60))
    np.testing.assert_array_equal(
        pixels,
        np.concatenate([d[10:85, 10:70, :2] for d in (scene, later)], axis=2),
    )
    assert not valid[72:].any() and not valid[:10, :20].any()
    assert valid[10:70].all()


def test_two_dates_on_other_grids(tmp_path, scene):
    moved = UTM @ Affine.translation(0.5, 0)
    a = RasterSource(write_tiff(tmp_path / 'a.tif', scene))
    b = RasterSource(write_tiff(tmp_path / 'b.tif', scene, transform=moved))
    with pytest.raises(
        BadImageError, match='b.tif: lies on another grid.*warp'
    ):
        PairSource(a, b)


def row_file(path, values) -> RowFile:
    rows = RowFile(path, values.shape[-2:], values.dtype, len(values))
    for start in range(0, values.shape[1], 100):
        rows.write(start, values[:, start : start + 100])
    return rows


def test_rows_on_disk(tmp_path):
    values = np.random.default_rng(0).integers(0, 999, (3, 250, 31), np.uint16)
    rows = row_file(tmp_path / 'r', values)
    assert rows.rows == 250
    np.testing.assert_array_equal(rows.read(7, 120), values[:, 7:120])
    np.testing.assert_array_equal(
        np.concatenate([v for _, v in rows.strips(64)], axis=1), values
    )
    np.testing.assert_array_equal(
        rows.thin_out(10)[:, :, :3], values[:, 5::10, 5:30:10]
    )


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_a_geotiff(tmp_path, dtype):
    values = (
        np.random.default_rng(0).integers(0, 3, (1, 1100, 1030)).astype(dtype)
    )
    values[:, :30] = nodata = np.iinfo(dtype).max
    place = Georeference(rasterio.crs.CRS.from_epsg(32633), UTM)
    path = tmp_path / 'new' / 'map.tif'
    target = RasterTarget(
        values.shape[1:],
        dtype=dtype,
        place=place,
        nodata=nodata,
        classes=['background', 'cloud', 'snow'],
        palette=[(0, 0, 0), (128, 128, 128), (255, 255, 255)],
    )
    write_rows(path, row_file(tmp_path / 'r', values), target)
    with rasterio.open(path) as file:
        np.testing.assert_array_equal(file.read(), values)
        assert file.crs == place.crs
        assert file.transform.almost_equals(UTM, 1e-9)
        assert file.nodata == nodata
        assert file.block_shapes == [(512, 512)]
        assert file.compression.value == 'DEFLATE'
        assert file.overviews(1) == [2, 4, 8]
        assert file.tags(1)['class_2'] == 'snow'
        if dtype == np.uint8:
            assert file.colormap(1)[1] == (128, 128, 128, 255)
    assert [p.name for p in path.parent.iterdir()] == ['map.tif']


def test_a_geotiff_of_probabilities(tmp_path):
    values = np.random.default_rng(0).integers(0, 255, (3, 40, 50), np.uint8)
    path = tmp_path / 'p.tif'
    target = RasterTarget(
        (40, 50),
        3,
        np.uint16,
        band_names=['a', 'b', 'c'],
        scale=1 / 254,
        nodata=255,
    )
    rows = row_file(tmp_path / 'r', values)
    write_rows(path, rows, target, compress='none')
    with rasterio.open(path) as file:
        np.testing.assert_array_equal(file.read(), values)
        assert file.descriptions == ('a', 'b', 'c')
        assert file.scales == (1 / 254,) * 3
        assert file.crs is None
        assert file.overviews(1) == []


def test_json_is_whole(tmp_path):
    sink = ClassSink(tmp_path, (4, 4), 2, signature=dict(a=1))
    sink.write(0, np.zeros((2, 3, 4)), np.ones((3, 4), bool))
    assert json.loads((tmp_path / 'state.json').read_text())['rows'] == 3
