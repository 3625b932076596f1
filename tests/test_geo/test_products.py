import json
import shutil
import tarfile
import zipfile

import numpy as np
import pytest
import rasterio
from affine import Affine

from mmrs.errors import BadImageError
from mmrs.geo.products import find_product, is_product
from mmrs.geo.scene import open_scene
from mmrs.geo.source import Unit

RGBN = ('red', 'green', 'blue', 'nir')
SHAPE = (20, 24)


def write(path, value, metres=10, **profile):
    path.parent.mkdir(parents=True, exist_ok=True)
    side = metres // 10
    settings = dict(
        driver='GTiff',
        height=SHAPE[0] // side,
        width=SHAPE[1] // side,
        count=1,
        dtype='uint16',
        crs='EPSG:32633',
        transform=Affine(metres, 0, 5e5, 0, -metres, 5e6),
    )
    if path.suffix == '.jp2':
        settings |= dict(driver='JP2OpenJPEG', quality=100, reversible='YES')
    with rasterio.open(path, 'w', **settings | profile) as file:
        file.write(np.full((1, *file.shape), value, np.uint16))
    return path


def values(scene, wanted=RGBN):
    source = open_scene(scene, wanted)
    pixels, valid = source.read_all()
    assert valid is None
    return pixels[3, 4].tolist(), source


NAME = 'S2B_MSIL2A_20240601T100559_N0510_R022_T33UWP_20240601T120000.SAFE'
METADATA = """<?xml version="1.0"?><n1:Product xmlns:n1="urn:x"><Info>
<BOA_QUANTIFICATION_VALUE unit="none">10000</BOA_QUANTIFICATION_VALUE>
{offsets}</Info></n1:Product>"""


def write_safe(folder, raised=1000, metadata=True):
    images = folder / 'GRANULE/L2A_T33UWP/IMG_DATA'
    for number, code in enumerate(('B02', 'B03', 'B04', 'B08'), 1):
        write(images / f'R10m/T33UWP_{code}_10m.jp2', number)
        write(images / f'R20m/T33UWP_{code}_20m.jp2', 99, 20)
    write(images / 'R20m/T33UWP_B8A_20m.jp2', 5, 20)
    write(images / 'R10m/T33UWP_TCI_10m.jp2', 7)
    offsets = ''.join(
        f'<BOA_ADD_OFFSET band_id="{n}">-{raised}</BOA_ADD_OFFSET>'
        for n in range(13)
    )
    if metadata:
        text = METADATA.format(offsets=offsets)
        (folder / 'MTD_MSIL2A.xml').write_text(text)
    return folder


def pack_zip(path, folder):
    with zipfile.ZipFile(path, 'w') as archive:
        for file in sorted(folder.rglob('*')):
            archive.write(file, file.relative_to(folder.parent))
    return path


def test_safe_folder_and_zip(tmp_path):
    folder = write_safe(tmp_path / NAME)
    packed = pack_zip(tmp_path / f'{NAME}.zip', folder)
    for scene in (folder, str(packed)):
        found, source = values(scene, (*RGBN, 'nir08'))
        assert found == [3, 2, 1, 4, 5]
        assert source.shape == SHAPE
        assert set(source.units) == {Unit(1e-4, -0.1)}
        assert source.place.crs.to_epsg() == 32633
    assert find_product(packed).stem == NAME.removesuffix('.SAFE')


@pytest.mark.parametrize(
    ('name', 'offset', 'note'),
    [
        (NAME, -0.1, 'N0510 raises values by 1000'),
        (NAME.replace('N0510', 'N0301'), 0, None),
        ('S2A.SAFE', 0, 'no name the processing baseline'),
    ],
)
def test_safe_without_metadata(name, offset, note, tmp_path):
    folder = write_safe(tmp_path / name, metadata=False)
    _, source = values(folder)
    assert source.units[0] == Unit(1e-4, offset)
    assert [note in n for n in source.notes] == [True] * bool(note)


def write_landsat(folder, name, prefix='', mtl=''):
    for number in range(1, 8):
        write(folder / f'{name}_{prefix}B{number}.TIF', 100 * number, 10)
    write(folder / f'{name}_QA_PIXEL.TIF', 21824)
    (folder / f'{name}_MTL.txt').write_text(mtl)
    return folder


def mtl(group, band, scale, offset):
    return (
        f'GROUP = {group}\n'
        f'  REFLECTANCE_MULT_BAND_{band} = {scale}\n'
        f'  REFLECTANCE_ADD_BAND_{band} = {offset}\n'
        f'END_GROUP = {group}\n'
    )


def test_landsat_by_its_name(tmp_path):
    name = 'LC08_L2SP_193027_20240601_20240611_02_T1'
    folder = write_landsat(
        tmp_path / name,
        name,
        'SR_',
        mtl('LEVEL1_RADIOMETRIC_RESCALING', 2, 2e-5, -0.1)
        + mtl('LEVEL2_SURFACE_REFLECTANCE_PARAMETERS', 2, 3e-5, -0.3),
    )
    found, source = values(folder)
    assert found == [400, 300, 200, 500]
    blue, red = (source.all_bands.index(b) for b in ('blue', 'red'))
    assert source.units[blue] == Unit(3e-5, -0.3)  # of the file
    assert source.units[red] == Unit(2.75e-5, -0.2)  # of the collection
    # Landsat 7 has near infrared in its fourth band.
    other = name.replace('LC08', 'LE07')
    folder = write_landsat(tmp_path / other, other, 'SR_')
    assert values(folder)[0] == [300, 200, 100, 400]


def test_landsat_level_1_in_a_tar(tmp_path):
    name = 'LC09_L1TP_193027_20240601_20240611_02_T1'
    text = mtl('LEVEL1_RADIOMETRIC_RESCALING', 4, 2e-5, -0.1)
    folder = write_landsat(tmp_path / 'in', name, mtl=text)
    with tarfile.open(tmp_path / f'{name}.tar', 'w') as archive:
        for file in sorted(folder.iterdir()):
            archive.add(file, file.name)
    found, source = values(tmp_path / f'{name}.tar')
    assert found == [400, 300, 200, 500]
    assert source.units[source.all_bands.index('red')] == Unit(2e-5, -0.1)


def test_stac_item(tmp_path):
    write(tmp_path / 'x/r.tif', 3)
    write(tmp_path / 'x/n.tif', 4)
    asset = dict(
        red=dict(
            href='x/r.tif',
            **{'eo:bands': [dict(name='B04', common_name='red')]},
            **{'raster:bands': [dict(scale=1e-4, offset=-0.1, nodata=0)]},
        ),
        n=dict(href='x/n.tif', bands=[{'eo:common_name': 'nir'}]),
        visual=dict(href='x/v.tif', roles=['visual'], bands=[{}]),
        meta=dict(href='x/m.xml'),
    )
    item = dict(stac_version='1.1.0', type='Feature', id='mine', assets=asset)
    path = tmp_path / 'item.json'
    path.write_text(json.dumps(item))
    assert is_product(path)
    found, source = values(path, ('nir', 'red'))
    assert found == [4, 3]
    assert source.units == (Unit(1e-4, -0.1), Unit())
    other = tmp_path / 'areas.geojson'
    other.write_text('{"type": "FeatureCollection", "features": []}')
    assert not is_product(other) and find_product(other) is None


def test_folder_with_a_file_a_band(tmp_path):
    for number, code in enumerate(('B02', 'B03', 'B04', 'B08'), 1):
        write(tmp_path / f'day1/{code}.tif', number)
    write(tmp_path / 'day1/SCL.tif', 9)
    assert is_product(tmp_path / 'day1') and not is_product(tmp_path)
    assert values(tmp_path / 'day1')[0] == [3, 2, 1, 4]
    # Images of their own are no bands of one scene.
    for name in ('one', 'two'):
        write(tmp_path / f'images/{name}.tif', 1)
    assert not is_product(tmp_path / 'images')
    # Nor are the bands of two scenes.
    for name in ('a', 'b'):
        for code in ('B02', 'B03'):
            write(tmp_path / f'two/{name}_{code}.tif', 1)
    assert not is_product(tmp_path / 'two')


def test_broken_products(tmp_path):
    (tmp_path / 'X.SAFE').mkdir()
    with pytest.raises(BadImageError, match='X.SAFE: has no bands'):
        find_product(tmp_path / 'X.SAFE')
    (tmp_path / 'a.zip').write_text('no zip')
    with pytest.raises(BadImageError, match='a.zip: unreadable archive'):
        find_product(tmp_path / 'a.zip')
    shutil.make_archive(tmp_path / 'b', 'zip', tmp_path / 'X.SAFE')
    with pytest.raises(BadImageError, match='b.zip: holds no product.*unpack'):
        find_product(tmp_path / 'b.zip')


def test_fill_is_never_blended_into_coarse_bands(tmp_path):
    """By hand: 20 m pixels of 0 (fill), 0, 10, 30 on a row of 10 m."""
    fine = write(tmp_path / 'B02.tif', 50)
    coarse = write(tmp_path / 'B11.tif', 0, 20)
    with rasterio.open(fine, 'r+') as file:
        values = file.read(1)
        values[:, :4] = 0
        file.write(values, 1)
    with rasterio.open(coarse, 'r+') as file:
        values = np.full(file.shape, 30, np.uint16)
        values[:, :2], values[:, 2] = 0, 10
        file.write(values, 1)
    source = open_scene({'blue': fine, 'swir16': coarse}, nodata=0)
    pixels, valid = source.read_all()
    assert valid[0].tolist() == [False] * 4 + [True] * 20
    # Centres of 10 m pixels lie a quarter of a coarse pixel off its centre.
    assert pixels[0, 4:8, 1].tolist() == [10, 15, 25, 30]
    parts = [source.read((0, x, 20, 3))[0] for x in range(0, 24, 3)]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), pixels)


@pytest.mark.parametrize('workers', [1, 3])
def test_jpeg_2000_is_decoded_once(workers, tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    rng = np.random.default_rng(0)
    stored = rng.integers(1, 4000, (300, 260), dtype=np.uint16)
    path = tmp_path / 'B02.jp2'
    with rasterio.open(
        path, 'w', driver='JP2OpenJPEG', height=300, width=260, count=1,
        dtype='uint16', quality=100, reversible='YES', blockxsize=128,
        blockysize=128,
    ) as file:  # fmt: skip
        file.write(stored, 1)
    from mmrs.geo.tiles import TileGrid

    source = open_scene(path)
    grid = TileGrid(source.shape, 64, 24)
    with source.opened(64, workers), ThreadPoolExecutor(workers) as pool:
        windows = [grid.window(tile) for tile in grid]
        for window, (pixels, _) in zip(
            windows, pool.map(source.read, windows)
        ):
            np.testing.assert_array_equal(
                pixels[..., 0], stored[window.slices]
            )
        blocks = -(-300 // 128) * -(-260 // 128)
        assert source.blocks_decoded == blocks
