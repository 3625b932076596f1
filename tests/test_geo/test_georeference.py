import re

import numpy as np
import pytest

from mmrs.errors import InputError
from mmrs.geo.georeference import (
    Georeference,
    pixel_area,
    read_georeference,
)

rasterio = pytest.importorskip('rasterio')
CRS = rasterio.crs.CRS
Affine = rasterio.Affine


def place(epsg: int | None, a=0.5, b=0.0, d=0.0, e=-0.5) -> Georeference:
    crs = None if epsg is None else CRS.from_epsg(epsg)
    return Georeference(crs, Affine(a, b, 500000, d, e, 4000000))


def write(path, crs, transform) -> None:
    with rasterio.open(
        *(path, 'w'),
        **dict(driver='GTiff', width=3, height=2, count=1, dtype='uint8'),
        **dict(crs=crs, transform=transform),
    ) as raster:
        raster.write(np.zeros((1, 2, 3), np.uint8))


def test_reads_crs_and_transform(tmp_path):
    there = place(32650)
    write(tmp_path / 'a.TIF', *there)
    assert read_georeference(tmp_path / 'a.TIF') == there


@pytest.mark.filterwarnings('error')
def test_files_that_say_nothing(tmp_path):
    assert read_georeference(tmp_path / 'nowhere.png') is None
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
        write(tmp_path / 'a.tif', None, Affine.identity())
    assert read_georeference(tmp_path / 'a.tif') is None


def test_files_that_are_no_tiffs(tmp_path):
    (tmp_path / 'a.tif').write_text('no image')
    with pytest.raises(InputError, match='a.tif: unreadable TIFF'):
        read_georeference(tmp_path / 'a.tif')


def test_areas_of_pixels():
    assert pixel_area(None) == (None, None)
    assert pixel_area(None, 2) == (4.0, None)
    assert pixel_area(place(32650)) == (0.25, None)
    # turned by a right angle, and of unequal sides
    turned = place(32650, a=0.0, b=2.0, d=3.0, e=0.0)
    assert pixel_area(turned) == (6.0, None)
    # US survey feet: 1200 / 3937 m
    feet = place(2263, a=1.0, e=-1.0)
    assert pixel_area(feet)[0] == pytest.approx((1200 / 3937) ** 2)


@pytest.mark.parametrize(
    'epsg, message',
    [
        (4326, 'EPSG:4326\\) is geographic: its unit is the degree'),
        (3857, 'EPSG:3857\\) is a Mercator projection'),
        (3395, 'EPSG:3395\\) is a Mercator projection'),
        (None, 'the file names no CRS; give gsd'),
    ],
)
def test_places_that_tell_no_area(epsg, message):
    area, note = pixel_area(place(epsg))
    assert area is None
    assert re.search(message, note)
    assert pixel_area(place(epsg), 0.5) == (0.25, None)


def test_gsd_comes_before_the_file():
    assert pixel_area(place(32650), 0.501) == (0.501**2, None)
    area, note = pixel_area(place(32650), 1.0)
    assert area == 1.0
    assert (
        note == 'areas are of pixels of 1 m, as gsd says; the file says 0.5 m'
    )
