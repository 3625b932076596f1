"""Pairs of GeoTIFFs: places, polygons and areas, all worked by hand."""

from pathlib import Path

import numpy as np
import pytest
from change_toys import (
    read_json,
    toy_inferencer,
    toy_mask,
    toy_pair,
    write_png,
    write_tif,
)

rasterio = pytest.importorskip('rasterio')
Affine = rasterio.Affine

UTM = 'EPSG:32650'
HALF_METRE = Affine(0.5, 0, 500000, 0, -0.5, 4000000)
FILES = ('2018.tif', '2024.tif')


@pytest.fixture(scope='module')
def inferencer(tmp_path_factory):
    return toy_inferencer(tmp_path_factory.mktemp('room'))


def write_pair(folder: Path, crs=UTM, transform=HALF_METRE) -> list[Path]:
    return [
        write_tif(folder / name, pixels, crs, transform)
        for name, pixels in zip(FILES, toy_pair(toy_mask()))
    ]


def test_files_of_a_projected_pair(inferencer, tmp_path):
    out = tmp_path / 'out'
    results = inferencer(write_pair(tmp_path), out_dir=out)
    (found,) = results['predictions']
    assert found['notes'] == []
    assert found['pixel_m2'] == 0.25
    assert found['classes']['building']['m2'] == 20 * 0.25
    assert found['classes']['road']['hectares'] == 15 * 0.25 / 10000

    with rasterio.open(out / found['files']['mask']) as raster:
        assert raster.crs == rasterio.crs.CRS.from_string(UTM)
        assert raster.transform == HALF_METRE
        np.testing.assert_array_equal(raster.read(1), toy_mask())
        assert raster.colormap(1)[1] == (255, 255, 0, 255)
        assert raster.colormap(1)[2] == (255, 0, 0, 255)
        assert raster.tags(1)['class_2'] == 'building'

    collection = read_json(out / found['files']['polygons'])
    assert collection['crs']['properties']['name'].endswith('EPSG::32650')
    road, house, twin = collection['features']
    assert road['properties'] == {
        **{'class': 'road', 'label': 1, 'pixels': 10},
        'm2': 2.5,
    }
    # columns 5 to 9, rows 2 to 5
    assert house['geometry'] == dict(
        type='Polygon',
        coordinates=[
            [
                [500002.5, 3999999.0],
                [500002.5, 3999997.5],
                [500004.5, 3999997.5],
                [500004.5, 3999999.0],
                [500002.5, 3999999.0],
            ]
        ],
    )
    assert twin['geometry']['type'] == 'MultiPolygon'
    assert twin['properties']['m2'] == 2.0
    told = read_json(out / 'predictions.json')[0]
    assert told['classes']['building']['m2'] == 5.0


def test_polygons_in_degrees(inferencer, tmp_path):
    """The central meridian of zone 50 is 117 degrees east."""
    out = tmp_path / 'out'
    inferencer(write_pair(tmp_path), out_dir=out, geojson_crs='wgs84')
    collection = read_json(out / 'polygons/2018.geojson')
    assert 'crs' not in collection
    (ring,) = collection['features'][0]['geometry']['coordinates']
    longitudes, latitudes = np.transpose(ring)
    assert longitudes.min() == 117.0
    assert 0 < longitudes.max() - 117 < 1e-4  # 5 m
    assert ((36.1 < latitudes) & (latitudes < 36.2)).all()


def test_a_geographic_pair(inferencer, tmp_path):
    degrees = Affine(1e-5, 0, 117, 0, -1e-5, 36)
    pair = write_pair(tmp_path, 'EPSG:4326', degrees)
    out = tmp_path / 'out'
    (found,) = inferencer(pair, out_dir=out)['predictions']
    assert found['notes'] == []
    # A degree is 110.949 km along and 90.164 km across at 36 degrees.
    pixel = 1.10949 * 0.90164
    assert found['pixel_m2'] == pytest.approx(pixel, rel=1e-3)
    road = found['classes']['road']
    assert road['m2'] == pytest.approx(15 * pixel, rel=1e-3)
    collection = read_json(out / 'polygons/2018.geojson')
    assert collection['crs']['properties']['name'].endswith('CRS84')
    found = collection['features'][0]['properties']
    assert found['m2'] == pytest.approx(found['pixels'] * pixel, rel=1e-3)
    (ring,) = collection['features'][1]['geometry']['coordinates']
    assert ring[0] == pytest.approx([117.00005, 35.99998])

    (found,) = inferencer(pair, gsd=0.5)['predictions']
    (note,) = found['notes']
    assert note.startswith('areas are of pixels of 0.5 m, as gsd says')
    assert found['classes']['road']['m2'] == 15 * 0.25


def test_pairs_on_different_grids_are_skipped(inferencer, tmp_path):
    earlier, later = toy_pair(toy_mask())
    shifted = Affine(0.5, 0, 500001.5, 0, -0.5, 4000000)
    for name, crs, transform in (
        ('zone.tif', 'EPSG:32651', HALF_METRE),
        ('shift.tif', UTM, shifted),
        ('fine.tif', UTM, HALF_METRE),
    ):
        write_tif(tmp_path / 'A' / name, earlier, UTM, HALF_METRE)
        write_tif(tmp_path / 'B' / name, later, crs, transform)
    results = inferencer((tmp_path / 'A', tmp_path / 'B'), batch_size=3)
    (found,) = results['predictions']
    assert Path(found['paths'][0]).name == 'fine.tif'
    assert len(results['skipped']) == 2
    for _, reason in results['skipped']:
        assert 'lies on another grid' in reason
        assert f'--like {tmp_path / "A"}' in reason
    assert 'EPSG:32651' in results['skipped'][1][1]


def test_the_date_that_knows_its_place_tells_it(inferencer, tmp_path):
    earlier, later = toy_pair(toy_mask())
    pair = (
        write_png(tmp_path / 'a.png', earlier),
        write_tif(tmp_path / 'b.tif', later, UTM, HALF_METRE),
    )
    out = tmp_path / 'out'
    (found,) = inferencer(pair, out_dir=out)['predictions']
    assert found['pixel_m2'] == 0.25
    assert found['files']['mask'] == 'masks/a.tif'
