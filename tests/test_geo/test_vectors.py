import json

import numpy as np
import pytest
import shapely

from mmrs.errors import InputError
from mmrs.geo.georeference import Georeference, GroundSize
from mmrs.geo.outlines import Outline, generalised, outline_rows
from mmrs.geo.polygons import MaskObject
from mmrs.geo.vectors import rasterized, read_vectors, write_polygons

UTM = Georeference.named('EPSG:32633', (10, 0, 5e5, 0, -10, 5e6))
CLASSES = ('ground', 'roof', 'tank')


def label_map():
    classes = np.zeros((40, 50), np.uint8)
    classes[5:20, 10:30] = 1
    classes[8:12, 14:20] = 0  # a court
    classes[25:35, 5:15] = classes[30:38, 20:45] = 2
    return classes


def outlines(classes):
    return outline_rows([(0, classes)], ground=GroundSize(10.0))


@pytest.mark.parametrize('ending', ['geojson', 'gpkg', 'shp'])
@pytest.mark.parametrize('wgs84', [False, True])
def test_what_is_written_is_read(ending, wgs84, tmp_path):
    path = tmp_path / f'new/found.{ending}'
    count = write_polygons(path, outlines(label_map()), CLASSES, UTM, wgs84)
    found = read_vectors(path, UTM)
    assert len(found) == count == 3
    labels = [(o.geometry, int(o.properties['label'])) for o in found]
    np.testing.assert_array_equal(rasterized(labels, (40, 50)), label_map())
    (roof,) = [o for o in found if o.properties['class'] == 'roof']
    assert roof.properties['m2'] == pytest.approx((15 * 20 - 24) * 100)
    assert roof.geometry.area == pytest.approx(15 * 20 - 24, rel=1e-5)
    names = {p.name for p in path.parent.iterdir()}
    assert path.name in names
    assert all(name.startswith('found.') for name in names)


def test_a_file_that_replaces_another(tmp_path):
    path = tmp_path / 'a.shp'
    write_polygons(path, outlines(label_map()), CLASSES, UTM)
    write_polygons(path, outlines(label_map() * 0), CLASSES, UTM)
    assert read_vectors(path) == []


def test_coordinates_of_the_file(tmp_path):
    area = dict(type='Point', coordinates=[15.0, 45.1])
    feature = dict(type='Feature', geometry=area, properties=dict(a=1))
    empty = dict(type='Feature', geometry=None, properties=dict(a=2))
    path = tmp_path / 'a.geojson'
    path.write_text(
        json.dumps(dict(type='FeatureCollection', features=[feature, empty]))
    )
    (found,) = read_vectors(path)
    assert found.properties == {'a': 1}
    assert found.geometry.equals(shapely.Point(15.0, 45.1))
    (found,) = read_vectors(path, UTM)
    # The central meridian of zone 33.
    assert found.geometry.x == pytest.approx(0, abs=1e-6)


def test_vectors_that_cannot_be_used(tmp_path):
    with pytest.raises(InputError, match='no.gpkg: no such file'):
        read_vectors(tmp_path / 'no.gpkg')
    (tmp_path / 'text.gpkg').write_text('no vectors')
    with pytest.raises(InputError, match='text.gpkg: unreadable vector'):
        read_vectors(tmp_path / 'text.gpkg')
    path = tmp_path / 'a.gpkg'
    write_polygons(path, outlines(label_map()), CLASSES, None)
    with pytest.raises(InputError, match='the file names no CRS'):
        read_vectors(path, UTM)
    with pytest.raises(InputError, match='a.kml: vectors are written as'):
        write_polygons(tmp_path / 'a.kml', [], CLASSES)


def turned_roof(angle):
    """A roof of 24 x 12 px that is turned, as pixels show it."""
    roof = shapely.affinity.rotate(shapely.box(10, 14, 34, 26), angle)
    return roof, rasterized([(roof, 1)], (45, 45)).astype(np.uint8)


@pytest.mark.parametrize('angle', [0, 20, 45])
def test_regular_outlines_of_a_roof(angle):
    roof, pixels = turned_roof(angle)
    (edges,) = outlines(pixels)
    (found,) = generalised([edges], 1.5, regular=True)
    ring = np.asarray(found.geometry.exterior.coords)
    assert len(ring) == 5
    sides = np.diff(ring, axis=0)
    for one, two in zip(sides, np.roll(sides, -1, axis=0)):
        assert one @ two == pytest.approx(0, abs=1e-6)
    overlap = found.geometry.intersection(roof).area
    assert overlap / found.geometry.union(roof).area > 0.93
    assert found.found == edges.found  # pixels are counted as before


def test_simplified_outlines():
    _, pixels = turned_roof(20)
    (edges,) = outlines(pixels)
    (found,) = generalised([edges], 1.0)
    count = shapely.get_num_coordinates
    assert count(found.geometry) < count(edges.geometry) / 4
    assert found.geometry.hausdorff_distance(edges.geometry) <= 1.0
    assert [*generalised([edges])] == [edges]
    # A sliver that would vanish stays.
    sliver = Outline(MaskObject(1, (0, 0, 3, 1), 3), shapely.box(0, 0, 3, 1))
    for settings in (dict(tolerance=5), dict(tolerance=5, regular=True)):
        (found,) = generalised([sliver], **settings)
        assert found.geometry.area > 0 and found.geometry.is_valid
    with pytest.raises(InputError, match='simplify=0: give px'):
        [*generalised([edges], 0, regular=True)]
