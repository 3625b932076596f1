import numpy as np
import pytest

from mmrs.errors import BadImageError
from mmrs.geo.sensors import (
    GAOFEN,
    LANDSAT7,
    LANDSAT8,
    SENTINEL2,
    common_names,
    find_bands,
    has_names,
    sensor_of,
)
from mmrs.geo.source import ArraySource

RGBN = ('red', 'green', 'blue', 'nir')


@pytest.mark.parametrize(
    ('names', 'sensor', 'product', 'expected'),
    [
        (('B02', 'B8A', 'B12'), None, '', ('blue', 'nir08', 'swir22')),
        (('B2', 'b8a'), SENTINEL2, '', ('blue', 'nir08')),
        (('B2', 'B4'), None, '', (None, None)),  # whose?
        (('B4', 'B5'), LANDSAT8, '', ('red', 'nir')),
        (('B3', 'B4'), LANDSAT7, '', ('red', 'nir')),
        (('SR_B4', 'SR_B5'), LANDSAT8, '', ('red', 'nir')),
        (('SR_B4', 'ST_B10'), None, '', ('red', 'lwir11')),
        (('SR_B4',), None, '', (None,)),
        (('SR_B4',), None, 'LE07_L2SP_1', ('nir',)),
        (('B4',), GAOFEN, 'x/LC09_L1TP_1', ('red',)),
        (('B4',), SENTINEL2, 'LC08_L1TP', ('red',)),
        (('B08', 'B04'), GAOFEN, '', ('nir', 'red')),
        (('B03', 'B04'), GAOFEN, '', (None, None)),  # either's
        (('Red', 'NIR', 'SWIR 1'), None, '', ('red', 'nir', 'swir16')),
        (('B4 (red)', 'Blue - B2'), None, '', ('red', 'blue')),
        (('near-infrared', 'Red Edge 1'), None, '', ('nir', 'rededge1')),
        (('one', None, ''), None, '', (None, None, None)),
    ],
)
def test_common_names(names, sensor, product, expected):
    assert tuple(common_names(names, sensor, product)) == expected


@pytest.mark.parametrize(
    ('product', 'name'),
    [
        ('S2A_MSIL1C_20240101.SAFE', 'sentinel2'),
        ('/data/LC09_L2SP_193027_20240601', 'landsat8'),
        ('LT05_L1TP_1', 'landsat5'),
        ('GF1_WFV1_E1.0_N2.0', 'gaofen'),
        ('CALC08_thing', None),
        ('scene', None),
    ],
)
def test_sensor_of_a_product(product, name):
    found = sensor_of(product)
    assert (found and found.name) == name


def test_numbers_are_no_names():
    assert not has_names((None, '', 'Band 1', 'band_2', 'layer-3', '4'))
    assert has_names((None, 'B4')) and has_names(('mine',))


def source(names, colors=None, product='a.tif'):
    made = ArraySource(np.zeros((2, 2, len(names))), names, name=product)
    made.colors = colors or (None,) * len(names)
    return made


def test_by_names_in_any_order():
    given = source(('B08', 'B04', 'B03', 'B02'))
    assert find_bands(given, RGBN) == [1, 2, 3, 0]
    assert not given.notes
    assert find_bands(source(('A', 'B')), [1, 0]) == [1, 0]
    # A code in the config is of the sensor that is expected.
    assert find_bands(given, ['B4', 'nir'], sensor=SENTINEL2) == [1, 0]


def test_by_place_where_there_are_no_names():
    given = source((None,) * 5)
    files = ('blue', 'green', 'red', 'nir', 'dem')
    assert find_bands(given, RGBN, files) == [2, 1, 0, 3]
    assert 'no names; taken as red, green, blue, nir' in given.notes[0]
    given = source((None,) * 4, ('red', 'green', 'blue', None))
    assert find_bands(given, RGBN) == [0, 1, 2, 3]
    with pytest.raises(BadImageError, match='band 1 is red, as the file'):
        find_bands(given, ('blue', 'green', 'red', 'nir'))
    assert find_bands(given, ('blue', 'red')) == [2, 0]  # by the colours


def test_unnamed_bands_among_named_ones():
    given = source(('blue', 'green', 'red', 'nir', None))
    files = ('blue', 'green', 'red', 'nir', 'dem')
    assert find_bands(given, ('dem', 'red'), files) == [4, 2]


def test_what_is_refused():
    with pytest.raises(BadImageError, match="no band 'nir'.*understood: x"):
        find_bands(source(('red', 'green', 'blue', 'x')), RGBN)
    with pytest.raises(
        BadImageError, match='3 band.* without names, but .* 4'
    ):
        find_bands(source((None,) * 3), RGBN)
    with pytest.raises(BadImageError, match='no band 3: it has 2'):
        find_bands(source((None,) * 2), [3])
    # Landsat 8 by its name, which has another red than the codes' order.
    given = source(('B2', 'B3', 'B4', 'B5'), product='LC08_x.tif')
    assert find_bands(given, RGBN, sensor=SENTINEL2) == [2, 1, 0, 3]
