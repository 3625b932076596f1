import numpy as np
import pytest
import rasterio.warp

from mmrs.errors import InputError
from mmrs.geo.georeference import (
    Georeference,
    ground_size,
    read_georeference,
    read_world_file,
    write_world_file,
)

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
    write(tmp_path / 'a.TIF', there.crs, there.transform)
    assert read_georeference(tmp_path / 'a.TIF') == there


@pytest.mark.filterwarnings('error')
def test_files_that_say_nothing(tmp_path):
    assert read_georeference(tmp_path / 'nowhere.png') is None
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
        write(tmp_path / 'a.tif', None, Affine.identity())
    assert read_georeference(tmp_path / 'a.tif') is None


def test_files_that_are_no_tiffs(tmp_path):
    (tmp_path / 'a.tif').write_text('no image')
    with pytest.raises(InputError, match='a.tif: unreadable raster'):
        read_georeference(tmp_path / 'a.tif')


def side(place, gsd=None, shape=(10, 10)):
    return ground_size(place, shape, gsd).side


def test_sides_of_pixels():
    assert side(None) is None
    assert side(None, 2) == 2.0
    assert side(place(32650)) == 0.5
    # turned by a right angle, and of unequal sides
    turned = place(32650, a=0.0, b=2.0, d=3.0, e=0.0)
    assert side(turned) == pytest.approx(6**0.5)
    # US survey feet: 1200 / 3937 m
    feet = Georeference(
        CRS.from_epsg(2263), Affine(1, 0, 984250, 0, -1, 200000)
    )
    assert side(feet) == pytest.approx(1200 / 3937)


# A square of 1000 m in zone 32 at 60 degrees north and its bounds in others.
NORTH, EAST, KM = 6652000.0, 511000.0, 1000.0


@pytest.mark.parametrize('epsg', [32632, 3857, 4326, 4087, 3035, 3995, 6933])
def test_a_square_kilometre_in_any_crs(epsg):
    """Against the area of the square on the ellipsoid, 0.9996 scaled."""
    crs = CRS.from_epsg(epsg)
    xs, ys = rasterio.warp.transform(
        'EPSG:32632',
        crs,
        [EAST, EAST + KM, EAST + KM, EAST],
        [NORTH, NORTH, NORTH - KM, NORTH - KM],
    )
    # 1200 px over the bounds and a margin in which nothing is drawn.
    left, right = min(xs), max(xs)
    bottom, top = min(ys), max(ys)
    across, down = (right - left) / 1000, (top - bottom) / 1000
    transform = Affine(
        across, 0, left - 100 * across, 0, -down, top + 100 * down
    )
    from rasterio.features import rasterize

    square = dict(type='Polygon', coordinates=[[*zip(xs, ys), (xs[0], ys[0])]])
    mask = rasterize([square], (1200, 1200), transform=transform)
    ground = ground_size(Georeference(crs, transform), mask.shape)
    area = ground.total(mask > 0)
    assert area == pytest.approx(1e6, rel=1e-3)
    assert ground.totals(mask, 2)[1] == pytest.approx(area, rel=1e-9)


def test_all_of_the_earth():
    whole = Georeference(CRS.from_epsg(4326), Affine(1, 0, -180, 0, -1, 90))
    ground = ground_size(whole, (180, 360))
    area = ground.total(np.ones((180, 360), bool))
    assert area == pytest.approx(510065621.7e6, rel=2e-4)  # WGS84


def test_areas_of_a_window_are_those_of_the_whole():
    turned = Affine(1e-3, 2e-4, 10, 1e-4, -1e-3, 60)
    ground = ground_size(Georeference(CRS.from_epsg(4326), turned), (200, 300))
    whole = np.broadcast_to(ground.areas(), (200, 300))
    part = np.broadcast_to(ground.areas((50, 70, 40, 30)), (40, 30))
    np.testing.assert_allclose(part, whole[50:90, 70:100], rtol=1e-12)
    assert np.ptp(whole[:, 0]) / whole.mean() > 1e-3


@pytest.mark.parametrize(
    'there, message',
    [
        (place(None), 'the file names no CRS; give gsd'),
        (place(4326), 'gives neither a length nor a place on Earth'),
        (Georeference(rpcs=object()), 'lies by its RPC alone'),
    ],
)
def test_places_that_tell_no_area(there, message):
    ground = ground_size(there, (10, 10))
    assert ground.side is None and ground.pixel_m2 is None
    assert message in ground.note
    assert np.isnan(ground.total(np.ones((2, 2), bool)))
    assert side(there, 0.5) == 0.5


def test_a_site_plan_has_metres():
    site = CRS.from_wkt('LOCAL_CS["site",UNIT["metre",1]]')
    ground = ground_size(Georeference(site, Affine.scale(0.1, -0.1)), (9, 9))
    assert ground.side == pytest.approx(0.1) and ground.note is None


def test_gsd_comes_before_the_file():
    ground = ground_size(place(32650), (10, 10), 0.501)
    assert (ground.side, ground.note) == (0.501, None)
    ground = ground_size(place(32650), (10, 10), 1.0)
    assert ground.side == 1.0
    assert (
        ground.note
        == 'areas are of pixels of 1 m, as gsd says; the file says 0.5 m'
    )
    with pytest.raises(InputError, match='gsd=-1: give the side'):
        ground_size(None, (1, 1), -1)


def test_a_part_keeps_the_corner_of_the_whole():
    there = Georeference(None, Affine(2, 1, 100, 1, -2, 200))
    part = there.part(6, 4, 2)
    corner = np.array([[0.0, 0.0]])
    np.testing.assert_allclose(part.to_ground(corner), [[107, 196]])
    np.testing.assert_allclose(part.transform.a, 1)


def test_world_files(tmp_path):
    there = place(32650)
    write_world_file(tmp_path / 'a.png', there)
    assert read_world_file(tmp_path / 'a.png') == there
    (tmp_path / 'a.prj').write_text('nowhere')
    with pytest.raises(InputError, match='a.prj: holds no coordinate'):
        read_world_file(tmp_path / 'a.png')
