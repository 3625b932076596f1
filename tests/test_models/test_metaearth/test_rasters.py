"""Files in and out: place, gaps, bit depth, and what goes wrong."""

import errno
import json
import os

import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image
from sampling_toys import picture, pipeline

from mmrs.errors import InputError
from mmrs.geo.georeference import metres_per_degree
from mmrs.geo.strip_store import StripStore
from mmrs.geo.writer import mark_gaps
from mmrs.models.metaearth.source import SourceImage, fill_gaps

FEW = dict(num_inference_steps=2, tile=32, show_progress=False)
UTM = Affine(64, 0, 500_000, 0, -64, 4_600_000)


@pytest.fixture(scope='module')
def pipe():
    return pipeline()


def write(path, array, crs='EPSG:32631', transform=UTM, **profile):
    if array.ndim == 2:
        array = array[..., None]
    height, width, count = array.shape
    with rasterio.open(
        path,
        'w',
        driver='GTiff',
        height=height,
        width=width,
        count=count,
        dtype=array.dtype,
        crs=crs,
        transform=transform,
        **profile,
    ) as file:
        file.write(np.moveaxis(array, 2, 0))
    return path


def read(path):
    with rasterio.open(path) as file:
        return np.moveaxis(file.read(), 0, 2)


def plain(pipe, image, gsd=64.0, stages=1, **settings):
    settings = {
        k: v for k, v in FEW.items() if k != 'show_progress'
    } | settings
    found = pipe.cascade(image, gsd, stages, **settings)
    return np.asarray(found.images[-1])


def test_geotiff_keeps_its_place(pipe, tmp_path):
    image = picture(11, 19)
    src, dst = write(tmp_path / 'a.tif', image), tmp_path / 'b.tif'
    told = pipe.to_geotiff(src, dst, stages=2, seed=5, **FEW)
    assert told['gsd'] == 4.0
    with rasterio.open(src) as a, rasterio.open(dst) as b:
        assert b.crs == a.crs
        assert b.shape == (11 * 16, 19 * 16)
        assert b.transform == Affine(4, 0, 5e5, 0, -4, 4.6e6)
        assert b.bounds == a.bounds
        assert b.count == 3 and b.dtypes == ('uint8',) * 3
        assert b.nodata is None
        tags = b.tags()
    assert np.array_equal(read(dst), plain(pipe, image, 64, 2, seed=5))
    assert tags['SYNTHETIC'] == '1'
    assert tags['SEED'] == '5' and tags['STEPS'] == '2'
    assert tags['STAGES'] == '64 16 4'
    assert tags['SOURCE'] == 'a.tif' and len(tags['SOURCE_SHA256']) == 64
    assert tags['WEIGHTS_SHA256'] == pipe.weights_hash()
    assert json.loads(tags['SAMPLING'])['noise'] == 'world'
    assert not (tmp_path / 'b.tif.parts').exists()


def test_large_geotiff_is_tiled_with_overviews(pipe, tmp_path):
    image = picture(140, 150)
    src = write(tmp_path / 'a.tif', image)
    settings = FEW | dict(num_inference_steps=1, overlap=0)
    pipe.to_geotiff(src, tmp_path / 'b.tif', 1, **settings)
    pipe.to_geotiff(src, tmp_path / 'c.tif', 1, cog=True, **settings)
    assert np.array_equal(read(tmp_path / 'b.tif'), read(tmp_path / 'c.tif'))
    for name in 'bc':
        with rasterio.open(tmp_path / f'{name}.tif') as file:
            assert file.block_shapes == [(512, 512)] * 3
            assert file.compression.value.lower() == 'deflate'
            assert file.overviews(1)[0] == 2
            layout = file.tags(ns='IMAGE_STRUCTURE').get('LAYOUT')
            assert (layout == 'COG') == (name == 'c')
            assert file.tags()['SYNTHETIC'] == '1'


def test_window_is_that_of_the_whole(pipe, tmp_path):
    src = write(tmp_path / 'a.tif', picture(15, 16))
    pipe.to_geotiff(src, tmp_path / 'whole.tif', 1, **FEW)
    pipe.to_geotiff(
        src, tmp_path / 'part.tif', 1, window=(9, 21, 40, 33), **FEW
    )
    whole = read(tmp_path / 'whole.tif')
    assert np.array_equal(read(tmp_path / 'part.tif'), whole[9:49, 21:54])
    with rasterio.open(tmp_path / 'part.tif') as file:
        corner = 500_000 + 21 * 16, 4_600_000 - 9 * 16
        assert file.transform == Affine(16, 0, corner[0], 0, -16, corner[1])


def test_rotated_transform(pipe, tmp_path):
    turned = Affine(55.4, 32, 5e5, 32, -55.4, 4e6)
    src = write(tmp_path / 'a.tif', picture(8, 8), transform=turned)
    assert SourceImage(src).gsd() == pytest.approx(63.977, abs=1e-3)
    pipe.to_geotiff(src, tmp_path / 'b.tif', 1, window=(5, 3, 9, 20), **FEW)
    with rasterio.open(tmp_path / 'b.tif') as file:
        found = file.transform
    for column, row in [(0, 0), (20, 0), (0, 9), (20, 9)]:
        x = 55.4 * (column + 3) / 4 + 32 * (row + 5) / 4 + 5e5
        y = 32 * (column + 3) / 4 - 55.4 * (row + 5) / 4 + 4e6
        a, b, c, d, e, f = tuple(found)[:6]
        assert a * column + b * row + c == pytest.approx(x, abs=1e-6)
        assert d * column + e * row + f == pytest.approx(y, abs=1e-6)


def test_geographic_crs_tells_metres(pipe, tmp_path):
    degrees = Affine(0.001, 0, 2, 0, -0.001, 60.004)
    src = write(
        tmp_path / 'a.tif', picture(8, 8), crs='EPSG:4326', transform=degrees
    )
    # At 60 degrees, 111412 and 55800 m a degree.
    assert metres_per_degree(60) == pytest.approx((55800, 111412), abs=2)
    gsd = SourceImage(src).gsd()
    assert gsd == pytest.approx((55.800 * 111.412) ** 0.5, rel=1e-4)
    told = pipe.to_geotiff(src, tmp_path / 'b.tif', 1, **FEW)
    assert told['gsd'] == pytest.approx(gsd / 4)


def test_feet(tmp_path):
    feet = Affine(64, 0, 984_250, 0, -64, 200_000)
    src = write(tmp_path / 'a.tif', picture(8, 8), 'EPSG:2263', feet)
    assert SourceImage(src).gsd() == pytest.approx(64 * 0.3048006)


def test_image_without_crs(pipe, tmp_path):
    image = picture(8, 9)
    Image.fromarray(image).save(tmp_path / 'a.png')
    (tmp_path / 'a.pgw').write_text('64\n1\n2\n-64\n1000\n2000\n')
    with pytest.raises(
        InputError, match='a.png: the file names no CRS; give gsd'
    ):
        pipe.to_geotiff(tmp_path / 'a.png', tmp_path / 'b.png', 1, **FEW)
    pipe.to_geotiff(tmp_path / 'a.png', tmp_path / 'b.png', 1, gsd=64, **FEW)
    found = np.asarray(Image.open(tmp_path / 'b.png'))
    assert np.array_equal(found, plain(pipe, image))
    assert Image.open(tmp_path / 'b.png').text['SYNTHETIC'] == '1'
    assert not (tmp_path / 'b.prj').exists()
    a, d, b, e, x, y = map(float, (tmp_path / 'b.pgw').read_text().split())
    assert (a, d, b, e) == (16, 0.25, 0.5, -16)
    # The corner of the first pixel stays where it was.
    assert x - (a + b) / 2 == 1000 - (64 + 2) / 2
    assert y - (d + e) / 2 == 2000 - (1 - 64) / 2
    with rasterio.open(tmp_path / 'b.png') as file:  # as GDAL reads it
        assert file.transform.c == 967


def test_png_with_place_to_geotiff(pipe, tmp_path):
    Image.fromarray(picture(8, 8)).save(tmp_path / 'a.png')
    (tmp_path / 'a.pgw').write_text('64\n0\n0\n-64\n32\n-32\n')
    (tmp_path / 'a.prj').write_text(rasterio.crs.CRS.from_epsg(32631).to_wkt())
    pipe.to_geotiff(tmp_path / 'a.png', tmp_path / 'b.tif', 1, gsd=64, **FEW)
    with rasterio.open(tmp_path / 'b.tif') as file:
        assert file.crs.to_epsg() == 32631
        assert file.transform == Affine(16, 0, 0, 0, -16, 0)


def test_geotiff_without_any_place(pipe, tmp_path):
    src = write(
        tmp_path / 'a.tif',
        picture(8, 8),
        crs=None,
        transform=Affine.identity(),
    )
    with pytest.raises(InputError, match='give gsd'):
        pipe.to_geotiff(src, tmp_path / 'b.tif', 1, **FEW)
    pipe.to_geotiff(src, tmp_path / 'b.tif', 1, gsd=64, **FEW)
    with rasterio.open(tmp_path / 'b.tif') as file:
        assert file.crs is None and file.transform.is_identity


@pytest.mark.parametrize('nodata', [0, 255, 7])
def test_nodata_is_kept(pipe, tmp_path, nodata):
    image = picture(16, 20)
    image[image == nodata] += 1
    image[:9, :7] = nodata
    src = write(tmp_path / 'a.tif', image, nodata=nodata)
    pipe.to_geotiff(src, tmp_path / 'b.tif', 1, **FEW)
    with rasterio.open(tmp_path / 'b.tif') as file:
        assert file.nodata == nodata
        found = file.read()
    gap = np.zeros((64, 80), bool)
    gap[:36, :28] = True
    # To the last band: nodata there, other values elsewhere.
    assert np.array_equal(found == nodata, np.stack([gap] * 3))
    inside = plain(pipe, SourceImage(src).read(0, 0, 16, 20))
    changed = np.abs(found.transpose(1, 2, 0).astype(int) - inside)[~gap]
    assert changed.max() <= 1


def test_mask_is_kept(pipe, tmp_path):
    image = picture(12, 12)
    src = write(tmp_path / 'a.tif', image)
    mask = np.full((12, 12), 255, np.uint8)
    mask[3:7, 5:] = 0
    with rasterio.open(src, 'r+') as file:
        file.write_mask(mask)
    alpha = write(
        tmp_path / 'alpha.tif', np.dstack([image, mask]), alpha='YES'
    )
    for path in (src, alpha):
        dst = tmp_path / f'out_{path.name}'
        pipe.to_geotiff(path, dst, 1, **FEW)
        with rasterio.open(dst) as file:
            assert file.count == 3
            wide = mask.repeat(4, 0).repeat(4, 1)
            assert np.array_equal(file.dataset_mask(), wide)
        assert sorted(p.name for p in tmp_path.glob('out_*')) == (
            sorted(p.name for p in tmp_path.glob('out_*.tif'))
        )  # inside of the file


def test_transparent_png(pipe, tmp_path):
    image = picture(8, 8)
    alpha = np.full((8, 8), 255, np.uint8)
    alpha[:, :3] = 0
    Image.fromarray(np.dstack([image, alpha])).save(tmp_path / 'a.png')
    pipe.to_geotiff(tmp_path / 'a.png', tmp_path / 'b.png', 1, gsd=64, **FEW)
    found = np.asarray(Image.open(tmp_path / 'b.png'))
    assert np.array_equal(found[..., 3], alpha.repeat(4, 0).repeat(4, 1))


def test_nodata_never_reaches_the_network(tmp_path):
    image = picture(300, 40)
    image[100:180] = 0
    image[:, 35:] = 0
    source = SourceImage(write(tmp_path / 'a.tif', image, nodata=0))
    filled = source.read(0, 0, 300, 40)
    valid = source.valid(0, 0, 300, 40)
    assert valid.sum() == (100 + 120) * 35
    assert np.array_equal(filled[valid], image[valid])
    assert np.array_equal(filled[200:, 35:], image[200:, 33:28:-1])
    assert np.array_equal(filled[100:120, 10], image[98:78:-1, 10])
    # The same, whatever part is read.
    assert np.array_equal(source.read(90, 3, 80, 37), filled[90:170, 3:40])


def test_filling_by_hand():
    image = np.arange(15, dtype=np.uint8).reshape(1, 5, 3)
    valid = np.array([[True, True, False, False, False]])
    filled = fill_gaps(image, valid)[0, :, 0].tolist()
    # Reflection at the second pixel, then the nearest one.
    assert filled == [0, 3, 0, 3, 3]
    assert (fill_gaps(image, ~valid & False) == 128).all()


def test_sixteen_bits_are_stretched_as_the_tags_say(pipe, tmp_path):
    image = picture(20, 20).astype(np.uint16) * 40 + 300
    image[0, 0] = 65_000
    src = write(tmp_path / 'a.tif', image)
    pipe.to_geotiff(src, tmp_path / 'b.tif', 1, **FEW)
    with rasterio.open(tmp_path / 'b.tif') as file:
        stretch = json.loads(file.tags()['STRETCH'])
    for band in range(3):
        assert (
            stretch[band] == np.percentile(image[..., band], (2, 98)).tolist()
        )
    low, high = np.array(stretch).T
    levels = ((image - low) / (high - low) * 255).clip(0, 255).round()
    levels = levels.astype(np.uint8)
    assert np.array_equal(SourceImage(src).read(0, 0, 20, 20), levels)
    assert np.array_equal(read(tmp_path / 'b.tif'), plain(pipe, levels))
    # Given, it makes scenes comparable.
    fixed = SourceImage(src, stretch=[(0, 10_000)] * 3).read(1, 1, 1, 1)
    assert np.array_equal(fixed[0, 0], (image[1, 1] / 10_000 * 255).round())


def test_floats_with_gaps(tmp_path):
    image = picture(9, 9).astype(np.float32)
    image[2, 3, 1] = np.nan
    source = SourceImage(write(tmp_path / 'a.tif', image))
    assert source.valid(0, 0, 9, 9).sum() == 80
    assert source.read(0, 0, 9, 9).dtype == np.uint8


def test_one_band_and_chosen_bands(tmp_path):
    image = np.dstack([picture(8, 8), picture(8, 8, 1)])
    grey = SourceImage(write(tmp_path / 'a.tif', image[..., 0]))
    assert np.array_equal(grey.read(0, 0, 8, 8), image[..., [0, 0, 0]])
    many = write(tmp_path / 'b.tif', image)
    assert np.array_equal(
        SourceImage(many, bands=(4, 3, 1)).read(0, 0, 8, 8),
        image[..., [3, 2, 0]],
    )
    with pytest.raises(InputError, match='but it has 6; give three'):
        SourceImage(many, bands=(1, 2, 9))


def test_resampling_keeps_the_corners(pipe, tmp_path):
    src = write(tmp_path / 'a.tif', picture(33, 65))
    dst = tmp_path / 'b.tif'
    told = pipe.to_geotiff(src, dst, 1, resample_to=256, **FEW)
    assert told['gsd'] == 64
    with rasterio.open(src) as a, rasterio.open(dst) as b:
        assert b.shape == (8 * 4, 16 * 4)
        assert b.bounds == pytest.approx(a.bounds)
    source = SourceImage(src, resample_to=256)
    whole = source.read(0, 0, 8, 16)
    assert np.array_equal(source.read(3, 5, 4, 7), whole[3:7, 5:12])


def test_unusual_gsd_is_told(pipe, tmp_path, capsys, monkeypatch):
    from mmrs.models.metaearth import job

    told = []
    monkeypatch.setattr(job, 'print_log', lambda text, *_: told.append(text))
    src = write(tmp_path / 'a.tif', picture(8, 8))
    pipe.to_geotiff(src, tmp_path / 'b.tif', 1, **FEW)
    assert not told
    pipe.to_geotiff(src, tmp_path / 'c.tif', 1, gsd=100, **FEW)
    assert 'pixels of 100 m' in told[0] and 'resample to 64 m' in told[0]


def test_killed_run_goes_on(pipe, tmp_path, monkeypatch):
    src, dst = write(tmp_path / 'a.tif', picture(20, 8)), tmp_path / 'b.tif'
    pipe.to_geotiff(src, tmp_path / 'whole.tif', 1, **FEW)
    save = StripStore.save

    def dying(self, index, pixels):
        if index == 3:
            raise KeyboardInterrupt
        save(self, index, pixels)

    monkeypatch.setattr(StripStore, 'save', dying)
    with pytest.raises(KeyboardInterrupt):
        pipe.to_geotiff(src, dst, 1, **FEW)
    assert not dst.exists()
    monkeypatch.setattr(StripStore, 'save', save)
    with pytest.raises(InputError, match='b.tif.parts: holds rows .* SEED'):
        pipe.to_geotiff(src, dst, 1, seed=1, **FEW)
    # Another batch size is no other run.
    told = pipe.to_geotiff(src, dst, 1, tile_batch=3, **FEW)
    assert (told['strips'], told['strips_made']) == (5, 2)
    assert dst.read_bytes() == (tmp_path / 'whole.tif').read_bytes()


def test_full_disk_keeps_finished_rows(pipe, tmp_path, monkeypatch):
    src, dst = write(tmp_path / 'a.tif', picture(20, 8)), tmp_path / 'b.tif'
    replace, count = os.replace, []

    def full(a, b):
        count.append(b)
        if len(count) == 4:  # the settings and two strips fit
            raise OSError(errno.ENOSPC, 'No space left on device')
        replace(a, b)

    monkeypatch.setattr(os, 'replace', full)
    with pytest.raises(InputError, match='disk is full .* 2 of 5 strips'):
        pipe.to_geotiff(src, dst, 1, **FEW)
    folder = tmp_path / 'b.tif.parts'
    assert sorted(p.name for p in folder.glob('*')) == [
        '000000.png',
        '000001.png',
        'state.json',
    ]
    monkeypatch.setattr(os, 'replace', replace)
    assert pipe.to_geotiff(src, dst, 1, **FEW)['strips_made'] == 3


def test_full_disk_at_the_end_keeps_all_rows(pipe, tmp_path, monkeypatch):
    import resource
    import signal

    src, dst = write(tmp_path / 'a.tif', picture(64, 64)), tmp_path / 'b.tif'
    settings = FEW | dict(num_inference_steps=1, overlap=0)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    # Strips fit, and the whole image does not.
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, before[1]))
    try:
        with pytest.raises(InputError, match='all rows are kept'):
            pipe.to_geotiff(src, dst, 1, **settings)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert not dst.exists()
    assert pipe.to_geotiff(src, dst, 1, **settings)['strips_made'] == 0
    assert read(dst).shape == (256, 256, 3)


def test_nothing_is_overwritten_unasked(pipe, tmp_path):
    src, dst = write(tmp_path / 'a.tif', picture(8, 8)), tmp_path / 'b.tif'
    dst.write_text('mine')
    with pytest.raises(InputError, match='b.tif: exists'):
        pipe.to_geotiff(src, dst, 1, **FEW)
    pipe.to_geotiff(src, dst, 1, overwrite=True, **FEW)
    assert read(dst).shape == (32, 32, 3)


def test_all_nodata(pipe, tmp_path):
    image = np.zeros((8, 8, 3), np.uint8)
    src = write(tmp_path / 'a.tif', image, nodata=0)
    with pytest.raises(InputError, match='a.tif: no pixel has data'):
        pipe.to_geotiff(src, tmp_path / 'b.tif', 1, **FEW)
    image[:, 6:] = 9
    src = write(tmp_path / 'c.tif', image, nodata=0)
    with pytest.raises(InputError, match='no pixel of the window has data'):
        pipe.to_geotiff(
            src, tmp_path / 'b.tif', 1, window=(0, 0, 20, 20), **FEW
        )


def test_bad_files(pipe, tmp_path):
    def generate(src, dst='b.tif', **settings):
        pipe.to_geotiff(tmp_path / src, tmp_path / dst, 1, **FEW, **settings)

    for name in ('text.tif', 'text.png'):
        (tmp_path / name).write_text('no image')
        with pytest.raises(InputError, match=f'{name}: .*readable'):
            generate(name)
    with pytest.raises(InputError, match='no.tif: no such file'):
        generate('no.tif')
    write(tmp_path / 'a.tif', picture(8, 8))
    with pytest.raises(InputError, match='b.jpg: rasters are written as'):
        generate('a.tif', 'b.jpg')
    with pytest.raises(InputError, match='the generated image is 32 x 32 px'):
        generate('a.tif', window=(0, 0, 1, 33))
    with pytest.raises(InputError, match='gsd is -1'):
        generate('a.tif', gsd=-1)
    Image.fromarray(picture(8, 8)).save(tmp_path / 'c.png')
    with pytest.raises(InputError, match='only a raster with a place can be'):
        generate('c.png', resample_to=64)
    (tmp_path / 'c.pgw').write_text('1\n2\n')
    with pytest.raises(InputError, match='a world file has six numbers'):
        generate('c.png')
    write(tmp_path / 'd.tif', picture(60, 60))
    whole = (tmp_path / 'd.tif').read_bytes()
    (tmp_path / 'd.tif').write_bytes(whole[: len(whole) // 9])
    with pytest.raises(InputError, match='d.tif: cannot be read here'):
        generate('d.tif')
    assert not (tmp_path / 'b.tif').exists()


def test_marking_gaps():
    values = np.array([[[0, 5], [255, 7]], [[1, 1], [2, 3]]], np.uint8)
    valid = np.array([[True, True], [True, False]])
    assert mark_gaps(values, valid, 0).tolist() == [
        [[1, 5], [255, 0]],
        [[1, 1], [2, 0]],
    ]
    assert mark_gaps(values, valid, 255).tolist() == [
        [[0, 5], [254, 255]],
        [[1, 1], [2, 255]],
    ]
