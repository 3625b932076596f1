"""Filters and outlines of maps in strips against those of the whole map."""

import json

import cv2
import numpy as np
import pytest
import shapely
from affine import Affine
from rasterio.crs import CRS
from shapely.geometry import shape

from mmrs.apis.scenes import ClassFilter, refine_rows
from mmrs.geo.georeference import Georeference, GroundSize
from mmrs.geo.outlines import outline_rows
from mmrs.geo.polygons import find_objects, masks_to_geojson
from mmrs.geo.row_file import RowFile
from mmrs.geo.vectors import write_polygons

CLASSES = ['background', 'cloud', 'snow']
PLACE = Georeference(
    CRS.from_epsg(32633), Affine(10.0, 0, 600000, 0, -10.0, 5000000)
)


def blobs(height: int, width: int, seed: int = 0, sigma: float = 3):
    """A map of three classes with objects of all sizes, and no data."""
    rng = np.random.default_rng(seed)
    noise = [
        cv2.GaussianBlur(rng.standard_normal((height, width)), (0, 0), sigma)
        for _ in range(2)
    ]
    classes = np.zeros((height, width), np.uint8)
    classes[noise[0] > noise[0].std() * 0.7] = 1
    classes[noise[1] > noise[1].std() * 1.2] = 2
    classes[:5, : width // 2] = 255
    return classes


def in_strips(classes: np.ndarray, height: int):
    for start in range(0, len(classes), height):
        yield start, classes[start : start + height]


@pytest.mark.parametrize('strip', [1, 7, 50, 1000])
@pytest.mark.parametrize('seed', [0, 1])
def test_outlines_of_strips_are_those_of_the_whole(strip, seed):
    classes = blobs(120, 90, seed, sigma=1.2)
    found = [*outline_rows(in_strips(classes, strip), min_area=4)]
    expected = masks_to_geojson(classes, CLASSES, min_area=4)['features']
    assert len(found) == len(expected) > 20
    ours = {o.found: o.geometry for o in found}
    _, objects = find_objects(classes, 4)
    for one, feature in zip(objects, expected):
        theirs = shape(feature['geometry'])
        assert ours[one].is_valid
        assert ours[one].equals(theirs)
        assert shapely.get_num_coordinates(
            ours[one]
        ) == shapely.get_num_coordinates(theirs)


def test_an_object_that_is_joined_below():
    classes = np.array([[1, 0, 1], [1, 0, 1], [1, 0, 1], [0, 1, 0]], np.uint8)
    (found,) = outline_rows(in_strips(classes, 1), min_area=1)
    assert found.found == (1, (0, 0, 3, 4), 7, None)
    assert found.geometry.geom_type == 'MultiPolygon'
    assert found.geometry.area == 7


@pytest.mark.parametrize('ending', ['geojson', 'gpkg'])
def test_files_of_polygons(tmp_path, ending):
    classes = blobs(100, 120)
    path = tmp_path / f'objects.{ending}'
    ground = GroundSize(10.0)
    outlines = outline_rows(in_strips(classes, 30), ground=ground)
    count = write_polygons(path, outlines, CLASSES, PLACE)
    import pyogrio.raw

    meta, _, geometries, columns = pyogrio.raw.read(path)
    assert meta['crs'] == 'EPSG:32633'
    values = dict(zip(meta['fields'], columns))
    assert len(geometries) == count == len(values['class'])
    expected = masks_to_geojson(classes, CLASSES, PLACE, ground=ground)
    theirs = {
        shape(f['geometry']).normalize().wkt: f['properties']
        for f in expected['features']
    }
    for number, geometry in enumerate(shapely.from_wkb(geometries)):
        if geometry.geom_type == 'MultiPolygon' and len(geometry.geoms) == 1:
            geometry = geometry.geoms[0]
        properties = theirs.pop(geometry.normalize().wkt)
        for name in ('class', 'label', 'pixels', 'm2'):
            assert values[name][number] == properties[name]
    assert not theirs
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize('ending', ['geojson', 'gpkg'])
def test_a_map_without_objects(tmp_path, ending):
    path = tmp_path / f'objects.{ending}'
    strips = [(0, np.zeros((9, 9), np.uint8))]
    assert write_polygons(path, outline_rows(strips), CLASSES, PLACE) == 0
    if ending == 'geojson':
        assert json.loads(path.read_text())['features'] == []
    else:
        import pyogrio.raw

        assert len(pyogrio.raw.read(path)[2]) == 0


def test_longitude_and_latitude(tmp_path):
    classes = blobs(60, 60)
    path = tmp_path / 'a.geojson'
    write_polygons(
        path, outline_rows(in_strips(classes, 20)), CLASSES, PLACE, wgs84=True
    )
    told = json.loads(path.read_text())
    expected = masks_to_geojson(classes, CLASSES, PLACE, wgs84=True)
    assert told.keys() == expected.keys()
    areas = [
        sorted(shape(f['geometry']).area for f in c['features'])
        for c in (told, expected)
    ]
    np.testing.assert_allclose(*areas, rtol=1e-6)


def filter_plainly(classes, min_blob, dilate):
    """The same with loops over objects and pixels."""
    result = classes.copy()
    for label in (0, 1, 2):
        _, parts = cv2.connectedComponents(
            (classes == label).astype(np.uint8), connectivity=8
        )
        for part in range(1, parts.max() + 1):
            here = parts == part
            if here.sum() >= min_blob:
                continue
            votes = np.zeros(256, int)
            for y, x in np.argwhere(here):
                for j in range(max(y - 1, 0), y + 2):
                    for i in range(max(x - 1, 0), x + 2):
                        if j < len(here) and i < here.shape[1]:
                            votes[classes[j, i]] += not here[j, i]
            votes[255] = 0
            if votes.any():
                result[here] = votes.argmax()
    if dilate:
        ys, xs = np.nonzero(result == 1)
        for y, x in np.argwhere(~np.isin(result, [1, 255])):
            if ((ys - y) ** 2 + (xs - x) ** 2).min() <= dilate**2:
                result[y, x] = 1
    return result


@pytest.mark.parametrize(
    ('min_blob', 'dilate'), [(0, 3), (9, 0), (20, 2.5), (1, 1)]
)
def test_filters_of_strips_are_those_of_the_whole(tmp_path, min_blob, dilate):
    classes = blobs(80, 70, sigma=1.2)
    change = ClassFilter(min_blob, dilate)
    expected = filter_plainly(classes, min_blob, dilate)
    np.testing.assert_array_equal(change(classes), expected)
    assert (expected != classes).sum() > 50
    rows = RowFile(tmp_path / 'a', classes.shape, np.uint8)
    rows.write(0, classes[None])
    for strip in (1, 13, 64, 500):
        target = RowFile(tmp_path / f'{strip}', classes.shape, np.uint8)
        refine_rows(rows, target, change, strip)
        np.testing.assert_array_equal(target.read(0, 80)[0], expected)


def test_classes_do_not_grow_over_each_other():
    row = np.array([[1, 0, 0, 0, 2, 3, 255]], np.uint8)
    grown = ClassFilter(dilate=1, grown=(1, 2))(row)
    np.testing.assert_array_equal(grown, [[1, 1, 0, 2, 2, 2, 255]])
