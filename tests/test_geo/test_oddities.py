"""Odd files from real use: the right value, or a clear refusal."""

import json
import warnings
import zipfile

import numpy as np
import pytest
import rasterio
from affine import Affine
from mmengine.registry import DefaultScope
from PIL import Image
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp

from mmrs.datasets import LoadBands, LoadImagePair, LoadRSImage
from mmrs.errors import BadImageError, InputError
from mmrs.geo.georeference import (
    Georeference,
    ground_size,
    read_georeference,
)
from mmrs.geo.images import image_size, read_image, read_labels
from mmrs.geo.products import find_product
from mmrs.geo.scene import open_scene
from mmrs.geo.sensors import LANDSAT8, common_names, sensor_of
from mmrs.geo.source import PairSource, Unit, open_source
from mmrs.geo.tiles import Window
from mmrs.geo.writer import RasterTarget, write_raster
from mmrs.models.metaearth.source import SourceImage

UTM = dict(crs='EPSG:32633', transform=Affine(10, 0, 5e5, 0, -10, 5e6))
PLACE = Georeference.named('EPSG:32633', (10, 0, 5e5, 0, -10, 5e6))
GREY = np.arange(64, dtype=np.uint8).reshape(8, 8)
RGB = np.stack([GREY * 0 + 250, GREY * 0 + 100, GREY * 0 + 10])


@pytest.fixture(autouse=True)
def scope():
    with DefaultScope.overwrite_default_scope('mmrs'):
        yield


def write(path, array, names=None, colors=None, **profile):
    array = array[None] if array.ndim == 2 else array
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        with rasterio.open(
            path,
            'w',
            driver=profile.pop('driver', 'GTiff'),
            height=array.shape[1],
            width=array.shape[2],
            count=array.shape[0],
            dtype=array.dtype,
            **profile,
        ) as file:
            if colors:
                file.colorinterp = colors
            file.write(array)
            if names:
                file.descriptions = names
    return path


def item(folder, assets, **properties):
    path = folder / 'item.json'
    content = dict(stac_version='1.1.0', id='x', assets=assets)
    path.write_text(json.dumps(content | dict(properties=properties)))
    return find_product(path)


# Products


def test_bands_of_sentinel2_outside_of_their_product(tmp_path):
    name = 'S2A_MSIL2A_20230601T1_N0509_R022_T32TQR'
    for band in ('B02', 'B03'):
        write(tmp_path / f'in/{name}_{band}.tif', GREY, **UTM)
    source = open_scene(tmp_path / 'in', ['blue'])
    assert source.units[0] == Unit(1e-4, -0.1)
    assert source.nodata == 0 and 'raises values by 1000' in source.notes[0]


def test_several_products_are_not_one(tmp_path):
    for tile in ('32TQR', '33TUL'):
        for band in ('B02', 'B03'):
            write(
                tmp_path / f'in/S2A_T{tile}.SAFE/GRANULE/L/IMG_DATA/'
                f'T{tile}_{band}.jp2',
                GREY,
                driver='JP2OpenJPEG',
                **UTM,
            )
    assert find_product(tmp_path / 'in') is None
    with zipfile.ZipFile(tmp_path / 'two.zip', 'w') as archive:
        for file in (tmp_path / 'in').rglob('*.jp2'):
            archive.write(file, file.relative_to(tmp_path / 'in'))
    with pytest.raises(BadImageError, match='two.zip: holds 2 products'):
        find_product(tmp_path / 'two.zip')
    one = tmp_path / 'in/S2A_T32TQR.SAFE'
    (tmp_path / 'in/S2A_T33TUL.SAFE/GRANULE/L').rename(one / 'GRANULE/M')
    with pytest.raises(BadImageError, match='holds 2 tiles'):
        find_product(one)


def test_a_name_that_begins_as_landsats_do(tmp_path):
    values = np.full((8, 8), 500, np.int16)
    values[:4] = -9999
    for band in ('blue', 'green', 'red'):
        path = tmp_path / f'in/LONDON_2020_{band}.tif'
        write(path, values, nodata=-9999, **UTM)
    _, valid = open_scene(tmp_path / 'in', ['red']).read_all()
    assert not valid[:4].any() and valid[4:].all()


def test_units_and_nodata_of_stac_items(tmp_path):
    for name in 'bn':
        write(tmp_path / f'{name}.tif', GREY.astype(np.int16), **UTM)
    blue = {'href': 'b.tif', 'bands': [{'eo:common_name': 'blue'}]}
    # Of version 1.1: at the asset.
    facts = {'nodata': 0, 'raster:scale': 1e-4, 'raster:offset': -0.1}
    product = item(tmp_path, {'B02': blue | facts})
    assert product.units == {'blue': Unit(1e-4, -0.1)}
    # Each band has its own nodata.
    dem = {'href': 'n.tif', 'bands': [{'name': 'dem'}], 'nodata': -9999}
    product = item(tmp_path, {'B02': blue | facts, 'dem': dem})
    source = open_scene(product)
    assert [file.bands[0].nodata for file in source.files] == [0, -9999]
    # A second format of a band is not another band.
    other = blue | dict(href='n.tif')
    product = item(tmp_path, {'blue': blue, 'blue-jp2': other})
    assert product.files['blue'] == tmp_path / 'b.tif'
    applied = {'earthsearch:boa_offset_applied': True}
    product = item(tmp_path, {'B02': blue | facts}, **applied)
    assert product.units == {'blue': Unit(1e-4)} and product.notes
    baseline = {'s2:processing_baseline': '05.09'}
    product = item(tmp_path, {'B02': blue}, **baseline)
    assert product.units == {'blue': Unit(1e-4, -0.1)} and product.notes


@pytest.mark.parametrize(
    'assets', [{'a': {'href': 'b.tif', 'bands': ['B02']}}, {'a': 1}, [1]]
)
def test_broken_stac_items(assets, tmp_path):
    with pytest.raises(BadImageError, match='item.json: is no STAC item'):
        item(tmp_path, assets)


def test_two_files_of_one_band(tmp_path):
    for code in ('SR_B4', 'TOA_B4', 'SR_B5'):
        write(tmp_path / f'LC08_L2SP_1_02_T1_{code}.TIF', GREY, **UTM)
    with pytest.raises(BadImageError, match='several files of the band red'):
        find_product(tmp_path)


# Bands


def test_sensors_by_the_name_of_the_file():
    assert sensor_of('S2A_vs_L8/LC08_x.tif').name == 'landsat8'
    assert sensor_of('x/lc08_l1tp_1.tif').name == 'landsat8'
    expected = LANDSAT8
    assert common_names(['B5'], expected, 'S2A_x/LC09_a.tif') == ['nir']


def test_indices_are_no_bands():
    names = ['NDVI (nir, red)', 'blue/green ratio', 'B4 (red)', 'nir - B8']
    assert common_names(names) == [None, None, 'red', 'nir']


def test_unnamed_bands_against_their_colours(tmp_path):
    colors = (
        ColorInterp.red,
        ColorInterp.green,
        ColorInterp.blue,
        ColorInterp.undefined,
    )
    path = write(
        tmp_path / 'a.tif',
        np.stack([*RGB, GREY]),
        [None, None, None, 'nir'],
        colors,
        photometric='MINISBLACK',
    )
    bands = ['blue', 'green', 'red', 'nir']
    with pytest.raises(BadImageError, match='band 1 is red'):
        open_scene(path, bands, trained_bands=bands)
    bands = ['red', 'green', 'blue', 'nir']
    source = open_scene(path, bands, trained_bands=bands)
    assert 'taken by their place: red (1)' in source.notes[0]


def test_dates_of_another_order(tmp_path):
    names = ['red', 'green', 'blue']
    a = write(tmp_path / 'a.tif', RGB, names, **UTM)
    b = write(tmp_path / 'b.tif', RGB[::-1], names[::-1], **UTM)
    found = LoadImagePair()(dict(img_path=[str(a), str(b)]))['imgs']
    np.testing.assert_array_equal(*found)
    write(b, RGB, ['red', 'green', 'nir'], **UTM)
    with pytest.raises(BadImageError, match='bands red, green, nir, but'):
        LoadImagePair()(dict(img_path=[str(a), str(b)]))
    b = write(tmp_path / 'c.tif', RGB[::-1], names[::-1], **UTM)
    found = SourceImage(b).read(0, 0, 8, 8)
    np.testing.assert_array_equal(found[0, 0], [250, 100, 10])


# Files


@pytest.mark.filterwarnings('ignore')
def test_complex_numbers_are_refused(tmp_path):
    path = write(tmp_path / 'a.tif', (GREY + 1j).astype(np.complex64), **UTM)
    for load in (LoadRSImage(stretch=(0, 9)), LoadBands()):
        with pytest.raises(BadImageError, match='holds complex numbers'):
            load(dict(img_path=str(path)))


def test_pages_are_named(tmp_path):
    pages = [Image.fromarray(GREY + n) for n in (0, 9)]
    path = tmp_path / 'a.tif'
    pages[0].save(path, save_all=True, append_images=pages[1:])
    with pytest.raises(BadImageError, match='holds 2 images .*GTIFF_DIR:1'):
        read_image(path)
    found = read_image(f'GTIFF_DIR:2:{path}').pixels
    np.testing.assert_array_equal(found[..., 0], GREY + 9)


def test_a_scale_of_zero_is_refused(tmp_path):
    path = write(tmp_path / 'a.tif', GREY, **UTM)
    with rasterio.open(path, 'r+') as file:
        file.scales = (0.0,)
    with pytest.raises(BadImageError, match='its tag for scale is 0'):
        read_image(path)


def test_bands_of_several_types(tmp_path):
    write(tmp_path / 'a.tif', GREY, **UTM)
    write(tmp_path / 'b.tif', GREY * np.float32(0.5), **UTM)
    sources = ''.join(
        f'<VRTRasterBand dataType="{kind}" band="{n}"><SimpleSource>'
        f'<SourceFilename relativeToVRT="1">{name}.tif</SourceFilename>'
        '</SimpleSource></VRTRasterBand>'
        for n, (name, kind) in enumerate([('a', 'Byte'), ('b', 'Float32')], 1)
    )
    path = tmp_path / 'x.vrt'
    path.write_text(
        f'<VRTDataset rasterXSize="8" rasterYSize="8">{sources}</VRTDataset>'
    )
    found = read_image(path).pixels
    np.testing.assert_array_equal(found[..., 0], GREY)
    np.testing.assert_array_equal(found[..., 1], GREY * 0.5)


def test_turned_labels_are_cut_after_turning(tmp_path):
    labels = np.zeros((6, 10), np.uint8)
    labels[:, :3] = 1
    path = tmp_path / 'a.tif'
    Image.fromarray(labels).save(path, tiffinfo={274: 6})
    window = Window(0, 0, 5, 4)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        image = read_image(path, window).pixels[..., 0]
    np.testing.assert_array_equal(read_labels(path, window), image)
    assert image_size(path) == (10, 6)


@pytest.mark.filterwarnings('ignore')
def test_pictures_in_archives(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    Image.new('RGB', (20, 10)).save(tmp_path / 'o.jpg', exif=exif)
    Image.fromarray(GREY > 30).save(tmp_path / 'l.png')
    with zipfile.ZipFile(tmp_path / 'z.zip', 'w') as archive:
        for name in ('o.jpg', 'l.png'):
            archive.write(tmp_path / name, name)
    inside = f'/vsizip/{tmp_path}/z.zip'
    assert read_image(f'{inside}/o.jpg').pixels.shape == (20, 10, 3)
    assert read_image([tmp_path / 'o.jpg']).pixels.shape == (20, 10, 3)
    np.testing.assert_array_equal(
        read_labels(f'{inside}/l.png'), (GREY > 30) * 255
    )
    with pytest.raises(BadImageError, match='no such image'):
        read_image(f'{inside}/none.png')


# Places


def gcp_file(path, shift):
    points = [
        GroundControlPoint(row, col, 10 + shift + col / 9, 50 - row / 9)
        for row in (0, 8)
        for col in (0, 8)
    ]
    return write(path, GREY, gcps=points, crs='EPSG:4326')


def test_a_crs_without_a_transform_is_no_place(tmp_path):
    path = write(tmp_path / 'a.tif', GREY, crs='EPSG:32633')
    ground = ground_size(read_georeference(path), (8, 8))
    assert ground.side is None and 'by its CRS alone' in ground.note


def test_pairs_whose_places_cannot_be_compared(tmp_path):
    near = write(tmp_path / 'a.tif', GREY, transform=Affine.scale(10, -10))
    far = Affine(10, 0, 99999, 0, -10, 0)
    far = write(tmp_path / 'b.tif', GREY, transform=far)
    with pytest.raises(BadImageError, match='another grid'):
        PairSource(open_source(near), open_source(far))
    with pytest.raises(BadImageError, match='shows other ground'):
        open_source([near, far])
    a, b = (gcp_file(tmp_path / f'g{n}.tif', n * 50) for n in range(2))
    pair = PairSource(open_source(a), open_source(b))
    assert 'same ground is not known' in pair.notes[0]
    assert not PairSource(open_source(a), open_source(a)).notes


def test_ground_control_points_of_a_part(tmp_path):
    place = read_georeference(gcp_file(tmp_path / 'a.tif', 0))
    part = place.part(8, 4, 4)
    assert (part.gcps[3].row, part.gcps[3].col) == (24, 28)
    assert part.gcps[3].x == place.gcps[3].x


def test_areas_that_cannot_be_found():
    moon = rasterio.CRS.from_wkt(
        'GEOGCS["Moon",DATUM["D",SPHEROID["Moon",1737400,0]],'
        'PRIMEM["R",0],UNIT["degree",0.0174532925199433]]'
    )
    there = Georeference(moon, Affine(0.01, 0, 0, 0, -0.01, 0))
    ground = ground_size(there, (10, 10))
    assert ground.side is None and 'not of the Earth' in ground.note
    # A grid of 721 rows, the outermost of which lie half beyond the poles.
    grid = Affine(0.25, 0, 0, 0, -0.25, 90.125)
    ground = ground_size(
        Georeference(rasterio.CRS.from_epsg(4326), grid), (721, 1440)
    )
    area = ground.total(np.ones((721, 1440), bool))
    assert area == pytest.approx(510065621.7e6, rel=1e-3)


def test_masks_and_palettes_when_resampled(tmp_path):
    path = tmp_path / 'a.tif'
    mask = np.full((40, 40), 255, np.uint8)
    mask[:, :20] = 0
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        write(path, np.full((3, 40, 40), 100, np.uint8), **UTM)
        with rasterio.open(path, 'r+') as file:
            file.write_mask(mask)
    source = SourceImage(path, resample_to=20)
    valid = source.valid(0, 0, 20, 20)
    assert not valid[:, :9].any() and valid[:, 11:].all()
    assert (source.read(0, 0, 20, 20) == 100).all()
    indexed = write(tmp_path / 'b.tif', GREY % 3, **UTM)
    with rasterio.open(indexed, 'r+') as file:
        file.write_colormap(1, {n: (n, 9 * n, 0) for n in range(3)})
    with pytest.raises(InputError, match='has a palette'):
        SourceImage(indexed, resample_to=20)


# Writing


def test_what_lay_beside_an_older_file_is_gone(tmp_path):
    path = tmp_path / 'a.png'
    write_raster(path, [(GREY[None], None)], RasterTarget((8, 8), place=PLACE))
    assert read_georeference(path) == PLACE
    write_raster(path, [(GREY[None], None)], RasterTarget((8, 8)))
    assert read_georeference(path) is None
    path = tmp_path / 'a.tif'
    (tmp_path / 'a.tif.aux.xml').write_text(
        '<PAMDataset><PAMRasterBand band="1"><Scale>3</Scale>'
        '</PAMRasterBand></PAMDataset>'
    )
    write_raster(path, [(GREY[None], None)], RasterTarget((8, 8), place=PLACE))
    assert open_source(path).units is None


@pytest.mark.parametrize('order', [(0, 1), (1, 0)])
def test_gaps_of_some_strips(order, tmp_path):
    strips = [
        (GREY[None, :4], None if order[0] == 0 else GREY[:4] > 20),
        (GREY[None, 4:], None if order[1] == 0 else GREY[4:] > 40),
    ]
    path = tmp_path / 'a.tif'
    for block in (16, 512):
        write_raster(path, strips, RasterTarget((8, 8)), block=block)
        expected = np.ones((8, 8), bool)
        for rows, (_, valid) in zip((slice(0, 4), slice(4, 8)), strips):
            if valid is not None:
                expected[rows] = valid
        np.testing.assert_array_equal(read_image(path).valid, expected)


def test_targets_that_cannot_be_written(tmp_path):
    with pytest.raises(InputError, match='nodata=300 is no value of uint8'):
        write_raster(tmp_path / 'a.tif', [], RasterTarget((8, 8), nodata=300))
    with pytest.raises(InputError, match='a PNG has one or three bands'):
        write_raster(tmp_path / 'a.png', [], RasterTarget((8, 8), bands=5))
    with pytest.raises(ValueError, match='4 rows were given, not 8'):
        write_raster(
            tmp_path / 'a.tif', [(GREY[None, :4], None)], RasterTarget((8, 8))
        )
    assert not [*tmp_path.iterdir()]


def test_longitudes_from_0_to_360(tmp_path):
    from mmrs.geo.outlines import outline_rows
    from mmrs.geo.vectors import read_vectors, write_polygons

    classes = np.zeros((20, 30), np.uint8)
    classes[5:10, 8:20] = 1
    there = Georeference.named('EPSG:4326', (0.1, 0, 190, 0, -0.1, 60))
    path = tmp_path / 'a.geojson'
    outlines = outline_rows([(0, classes)])
    write_polygons(path, outlines, ('ground', 'roof'), there, wgs84=True)
    (found,) = read_vectors(path)
    assert found.geometry.bounds[0] == pytest.approx(190.8 - 360)
    (found,) = read_vectors(path, there)
    assert found.geometry.bounds == pytest.approx((8, 5, 20, 10))


def test_a_nodata_value_that_no_pixel_has(tmp_path):
    path = write(tmp_path / 'a.tif', GREY, **UTM)
    source = open_source(path, nodata=-9999)
    assert 'nodata=-9999 is no value of uint8' in source.notes[0]
    assert not open_source(path, nodata=3).notes
