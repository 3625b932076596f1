import numpy as np
import pytest

from mmrs.synthetic import LandUse, Look, Window, World, render_optical
from mmrs.synthetic.sar import render_sar, speckle
from mmrs.synthetic.shadows import cast_shadows


@pytest.fixture(scope='module')
def world() -> World:
    return World(2)


def district_centre(world: World, use: LandUse) -> np.ndarray:
    i, j = (axis.ravel() for axis in np.mgrid[:60, :60])
    n = np.flatnonzero(world.land_use(i, j) == use)[0]
    return world.quad(i[n], j[n]).mean(0)


@pytest.mark.parametrize('render', [render_optical, render_sar])
@pytest.mark.parametrize(
    'use', [LandUse.RESIDENTIAL, LandUse.HARBOR, LandUse.FOREST]
)
def test_a_part_equals_the_crop_of_the_whole(world, render, use):
    whole = Window.centred(*district_centre(world, use), 220, 200, 0.6)
    part = Window(whole.col + 70, whole.row + 51, 96, 88, 0.6)
    image, found = render(world, whole)
    small, inside = render(world, part)
    crop = (slice(51, 139), slice(70, 166))
    difference = np.abs(image[crop].astype(int) - small)
    assert (difference > 2).mean() < 1e-3
    assert (found.layout.cover[crop] != inside.layout.cover).mean() < 1e-3
    np.testing.assert_allclose(found.surface[crop], inside.surface, atol=0.2)
    fine = (slice(102, 278), slice(140, 332))
    kinds = [
        np.array(['', *(x.kind for x in s.layout.objects)])[labels]
        for s, labels in ((found, found.labels[fine]), (inside, inside.labels))
    ]
    assert (kinds[0] != kinds[1]).mean() < 1e-3


def test_windows_of_two_resolutions_show_the_same(world):
    centre = district_centre(world, LandUse.SCHOOL)
    fine = Window.centred(*centre, 400, 400, 0.5)
    coarse = Window(fine.col // 4, fine.row // 4, 100, 100, 2.0)
    aligned = Window(coarse.col * 4, coarse.row * 4, 400, 400, 0.5)
    image = render_optical(world, aligned)[0].astype(float)
    small = render_optical(world, coarse)[0].astype(float)
    mean = image.reshape(100, 4, 100, 4, 3).mean((1, 3))
    correlation = np.corrcoef(mean.ravel(), small.ravel())[0, 1]
    assert correlation > 0.8


def test_sun_decides_where_shadows_fall():
    surface = np.zeros((41, 41), np.float32)
    surface[18:23, 18:23] = 10
    # The sun in the east, as high as the shadow is long.
    shadow = cast_shadows(surface, 1.0, 0.0, np.pi / 4)
    assert (shadow[20, 10:17] > 0.9).all()
    assert (shadow[20, 24:] < 0.1).all()
    assert (shadow[20, :6] < 0.1).all()
    assert (shadow[19:22, 19:22] < 0.1).all()


def test_look_changes_the_picture_and_not_what_is_there(world):
    window = Window.centred(
        *district_centre(world, LandUse.INDUSTRIAL), 80, 80, 0.7
    )
    plain, first = render_optical(world, window)
    look = Look(sun_azimuth=2.5, gain=(1.2, 1.0, 0.8), noise=6.0)
    other, second = render_optical(world, window, look)
    np.testing.assert_array_equal(first.surface, second.surface)
    assert np.abs(plain.astype(int) - other).mean() > 3


def test_radar_sees_ships_bright_on_dark_water(world):
    centre = district_centre(world, LandUse.OPEN_WATER)
    image, found = render_sar(world, Window.centred(*centre, 200, 200, 1.0))
    ships = found.instances({'ship'})
    assert ships
    seen = np.any([mask for _, mask in ships], axis=0)
    assert image[seen].mean() > 3 * image[~seen].mean()


def test_speckle_is_multi_look():
    noise = speckle(4, Window(0, 0, 300, 300, 1.0))
    assert abs(noise.mean() - 1) < 0.01
    assert abs(noise.var() - 1 / 3) < 0.01
