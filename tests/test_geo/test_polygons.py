import math

import numpy as np
import pytest

from mmrs.geo.georeference import Georeference, GroundSize
from mmrs.geo.polygons import MaskObject, find_objects, masks_to_geojson

CLASSES = ('unchanged', 'road', 'building')


def small_mask() -> np.ndarray:
    mask = np.zeros((8, 10), np.uint8)
    mask[1:3, 2:5] = 2
    mask[5, 0:6] = 1
    return mask


def test_objects_touch_by_side_or_corner():
    mask = np.array(
        [
            [1, 0, 0, 2, 2],
            [0, 1, 0, 0, 2],
            [0, 0, 0, 0, 255],
            [1, 0, 2, 2, 255],
        ],
        np.uint8,
    )
    numbers, objects = find_objects(mask, min_area=2)
    assert objects == [
        MaskObject(1, (0, 0, 2, 2), 2),
        MaskObject(2, (3, 0, 5, 2), 3),
        MaskObject(2, (2, 3, 4, 4), 2),
    ]
    assert numbers.tolist() == [
        [1, 0, 0, 2, 2],
        [0, 1, 0, 0, 2],
        [0, 0, 0, 0, 0],
        [0, 0, 3, 3, 0],
    ]
    assert find_objects(mask, min_area=3)[1] == [objects[1]]
    assert find_objects(np.zeros((3, 3), np.uint8))[1] == []


def test_objects_agree_with_a_flood_fill():
    rng = np.random.default_rng(0)
    mask = rng.integers(0, 3, (24, 30)).astype(np.uint8)
    numbers, objects = find_objects(mask, min_area=1)
    left = {(int(r), int(c)) for r, c in zip(*mask.nonzero())}
    count = 0
    while left:
        stack, own = [left.pop()], set()
        while stack:
            r, c = stack.pop()
            own.add((r, c))
            near = {(r + i, c + j) for i in (-1, 0, 1) for j in (-1, 0, 1)}
            fresh = {p for p in near & left if mask[p] == mask[r, c]}
            left -= fresh
            stack += fresh
        count += 1
        (number,) = {int(numbers[p]) for p in own}
        assert objects[number - 1].pixels == len(own)
        assert objects[number - 1].label == mask[r, c]
    assert len(objects) == count


def test_pixel_coordinates():
    pytest.importorskip('rasterio')
    collection = masks_to_geojson(small_mask(), CLASSES)
    assert collection['type'] == 'FeatureCollection'
    assert 'y down' in collection['note']
    assert 'crs' not in collection
    road, building = collection['features']
    assert road == dict(
        type='Feature',
        id=1,
        properties={'class': 'road', 'label': 1, 'pixels': 6},
        geometry=dict(
            type='Polygon', coordinates=road['geometry'].get('coordinates')
        ),
    )
    (ring,) = building['geometry']['coordinates']
    assert ring[0] == ring[-1]
    assert {*ring} == {(2, 1), (5, 1), (5, 3), (2, 3)}


def utm(size=0.5) -> Georeference:
    rasterio = pytest.importorskip('rasterio')
    transform = rasterio.Affine(size, 0, 500000, 0, -size, 4000000)
    return Georeference(rasterio.crs.CRS.from_epsg(32650), transform)


def test_coordinates_of_the_crs():
    collection = masks_to_geojson(
        small_mask(), CLASSES, utm(), ground=GroundSize(0.5)
    )
    assert collection['crs'] == dict(
        type='name', properties=dict(name='urn:ogc:def:crs:EPSG::32650')
    )
    assert 'note' not in collection
    building = collection['features'][1]
    assert building['properties'] == {
        **{'class': 'building', 'label': 2, 'pixels': 6},
        'm2': 1.5,
    }
    (ring,) = building['geometry']['coordinates']
    # columns 2 to 5 and rows 1 to 3 of half a metre, counterclockwise
    assert ring == [
        (500001.0, 3999999.5),
        (500001.0, 3999998.5),
        (500002.5, 3999998.5),
        (500002.5, 3999999.5),
        (500001.0, 3999999.5),
    ]


def test_longitude_and_latitude():
    """Against the formula of the spherical Mercator projection."""
    rasterio = pytest.importorskip('rasterio')
    x0, y0, size, radius = 11e6, 4e6, 10.0, 6378137.0
    transform = rasterio.Affine(size, 0, x0, 0, -size, y0)
    place = Georeference(rasterio.crs.CRS.from_epsg(3857), transform)
    collection = masks_to_geojson(small_mask(), CLASSES, place, wgs84=True)
    assert 'crs' not in collection
    (ring,) = collection['features'][1]['geometry']['coordinates']

    def degrees(column, row):
        x, y = x0 + size * column, y0 - size * row
        latitude = math.atan(math.sinh(y / radius))
        return [math.degrees(x / radius), math.degrees(latitude)]

    corners = [(2, 1), (2, 3), (5, 3), (5, 1), (2, 1)]
    expected = [degrees(*corner) for corner in corners]
    np.testing.assert_allclose(ring, expected, atol=2e-8)


def test_names_of_crs():
    rasterio = pytest.importorskip('rasterio')
    names = {}
    for text in ('EPSG:4326', 'OGC:CRS84', '+proj=laea +lat_0=10 +lon_0=20'):
        crs = rasterio.crs.CRS.from_string(text)
        place = Georeference(crs, rasterio.Affine.scale(1e-5, -1e-5))
        collection = masks_to_geojson(small_mask(), CLASSES, place)
        names[text] = collection['crs']['properties']['name']
    assert names['EPSG:4326'] == 'urn:ogc:def:crs:OGC:1.3:CRS84'
    assert names['OGC:CRS84'] == 'urn:ogc:def:crs:OGC:1.3:CRS84'
    (other,) = names.keys() - {'EPSG:4326', 'OGC:CRS84'}
    assert 'Lambert_Azimuthal_Equal_Area' in names[other]


def test_place_without_a_crs():
    there = Georeference(None, utm().transform)
    collection = masks_to_geojson(small_mask(), CLASSES, there, wgs84=True)
    assert 'crs' not in collection
    (ring,) = collection['features'][1]['geometry']['coordinates']
    assert ring[0] == (500001.0, 3999999.5)


def test_parts_that_touch_by_a_corner_are_one_feature():
    pytest.importorskip('rasterio')
    mask = np.zeros((6, 6), np.uint8)
    mask[0:2, 0:2] = mask[2:4, 2:4] = 2
    (feature,) = masks_to_geojson(mask, CLASSES)['features']
    assert feature['geometry']['type'] == 'MultiPolygon'
    assert len(feature['geometry']['coordinates']) == 2
    assert feature['properties']['pixels'] == 8


def shoelace(ring) -> float:
    x, y = np.array(ring).T
    return float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum()) / 2


@pytest.mark.parametrize('flip', [1, -1])
def test_holes_and_turns(flip):
    """Outer rings run counterclockwise and holes clockwise, as RFC 7946."""
    rasterio = pytest.importorskip('rasterio')
    mask = np.ones((7, 9), np.uint8)
    mask[2:4, 3:5] = 0
    place = Georeference(None, rasterio.Affine(1, 0, 10, 0, flip, 20))
    (feature,) = masks_to_geojson(mask, CLASSES, place)['features']
    outer, hole = feature['geometry']['coordinates']
    assert shoelace(outer) == 63
    assert shoelace(hole) == -4


def test_random_masks_give_valid_polygons():
    """Their areas are the pixels, and burning them back is the mask."""
    rasterio = pytest.importorskip('rasterio')
    from rasterio.features import rasterize

    rng = np.random.default_rng(0)
    mask = rng.integers(0, 3, (30, 40)).astype(np.uint8)
    features = masks_to_geojson(mask, CLASSES, min_area=1)['features']
    burnt = rasterize(
        [(f['geometry'], f['properties']['label']) for f in features],
        mask.shape,
        transform=rasterio.Affine.identity(),
    )
    np.testing.assert_array_equal(burnt, mask)
    geometry = pytest.importorskip('shapely.geometry')
    for feature in features:
        shape = geometry.shape(feature['geometry'])
        assert shape.is_valid
        assert shape.area == feature['properties']['pixels']


def test_nothing_to_outline():
    mask = np.full((4, 4), 255, np.uint8)
    assert masks_to_geojson(mask, CLASSES, utm(), wgs84=True)['features'] == []
