"""Clouds, snow and what a four-band camera sees of them."""

import math

import numpy as np
import pytest

from mmrs.synthetic import Look, Window, World
from mmrs.synthetic.clouds import SKYLIGHT, THINNEST, TYPES, Deck, fractal
from mmrs.synthetic.multispectral import (
    BANDS,
    CLOUD,
    SNOW,
    Sky,
    render_multispectral,
)
from mmrs.synthetic.noise import Grid
from mmrs.synthetic.objects import Cover
from mmrs.synthetic.snow import Snow

WINDOW = Window(-300, 120, 96, 80, 8.0)


@pytest.fixture(scope='module')
def world() -> World:
    return World(2)


def test_fractal_noise_has_mean_0_and_deviation_1():
    axis = np.arange(0, 40_000, 50.0)
    field = fractal(Grid(axis, axis), 3, 400.0, 0.55, 50.0)
    assert abs(field.mean()) < 0.05
    assert abs(field.std() - 1) < 0.05


@pytest.mark.parametrize('kind', TYPES)
def test_a_deck_covers_its_share_of_the_sky(kind):
    deck = Deck(kind, 11, 0.4, 2.0, 300.0, 1.0)
    wide = Window(0, 0, 300, 300, 100.0)
    assert abs((deck.optical_thickness(wide) > 0).mean() - 0.4) < 0.04
    assert Deck.draw(kind, 1, 2) == Deck.draw(kind, 1, 2)
    assert Deck.draw(kind, 1, 2) != Deck.draw(kind, 1, 3)


@pytest.mark.parametrize('kind', TYPES)
def test_a_part_of_the_sky_equals_the_crop_of_the_whole(kind):
    deck = Deck(kind, 5, 0.5, 2.0, 300.0, 0.4)
    part = Window(WINDOW.col + 20, WINDOW.row + 30, 40, 25, 8.0)
    whole = deck.optical_thickness(WINDOW)[30:55, 20:60]
    np.testing.assert_allclose(whole, deck.optical_thickness(part), atol=1e-4)


def test_shadows_lie_away_from_the_sun_as_far_as_the_cloud_is_high():
    # The sun in the west at 45 degrees: the shadow of a cloud 160 m high
    # lies 20 pixels of 8 m to the east.
    deck = Deck('cumulus', 9, 0.5, 3.0, 160.0, 0.0)
    shadow = deck.shadow(WINDOW, math.pi, math.pi / 4)
    layer = deck.optical_thickness(WINDOW)
    beam = 1 - np.exp(-layer * math.sqrt(2))
    np.testing.assert_allclose(shadow[:, 20:], beam[:, :-20], atol=1e-3)


def test_light_follows_beer_and_lambert(world):
    """The picture is the clear one times exp(-t) plus the cloud's light."""
    # A single deck so high that its shadow comes from elsewhere: the sun
    # straight above leaves no shift, and the beam crosses as the view does.
    deck = Deck('stratus', 4, 0.7, 1.0, 300.0, 0.0)
    look = Look(sun_elevation=math.pi / 2 - 1e-6, noise=0.0, blur=0.01)
    clear, cloudy = (
        render_multispectral(world, WINDOW, look, Sky(decks, None, 0.0))
        for decks in ((), (deck,))
    )
    through = np.exp(-cloudy.thickness)[..., None]
    light = SKYLIGHT + (1 - SKYLIGHT) * through
    cloud = cloudy.reflectance - clear.reflectance * light * through
    bright = cloud[..., 0] / np.maximum(1 - through[..., 0], 1e-6)
    inside = cloudy.thickness > 0.3
    assert inside.any()
    assert (bright[inside] > 0.55).all() and (bright[inside] < 0.95).all()
    clear_sky = cloudy.thickness == 0
    np.testing.assert_allclose(
        cloudy.reflectance[clear_sky], clear.reflectance[clear_sky], atol=1e-5
    )


def test_labels_tell_thin_cloud_and_uncovered_snow(world):
    elevation = world.elevation(WINDOW.grid)[0]
    snow = Snow(float(np.median(elevation)), 1)
    decks = (Deck('cumulus', 7, 0.5, 3.0, 200.0, 0.0),)
    scene = render_multispectral(world, WINDOW, sky=Sky(decks, snow))
    label = scene.label
    np.testing.assert_array_equal(label == CLOUD, scene.thickness > THINNEST)
    np.testing.assert_array_equal(
        label == SNOW, (scene.snow > 0.5) & (scene.thickness <= THINNEST)
    )
    assert {CLOUD, SNOW} <= set(np.unique(label))
    # Snow is on high ground, and never on water.
    bare = render_multispectral(world, WINDOW, sky=Sky((), snow))
    white = bare.label == SNOW
    assert elevation[white].mean() > elevation[~white].mean() + 3
    assert not white[bare.found.layout.cover == Cover.WATER].any()


def test_bands_tell_leaves_water_snow_and_cloud_apart(world):
    window = Window(-300, 120, 200, 160, 8.0)
    snow = Snow(float(np.median(world.elevation(window.grid)[0])), 1)
    decks = (Deck('cumulus', 7, 0.4, 4.0, 200.0, 0.0),)
    clear = render_multispectral(world, window)
    red, nir = (clear.reflectance[..., BANDS.index(x)] for x in ('red', 'nir'))
    cover = clear.found.layout.cover
    assert (
        nir[cover == Cover.FOREST].mean()
        > 4 * red[cover == Cover.FOREST].mean()
    )
    white = render_multispectral(world, window, sky=Sky(decks, snow))
    blue, nir = white.reflectance[..., 0], white.reflectance[..., 3]
    thick = white.thickness > 2
    lying = (white.label == SNOW) & (white.snow > 0.9)
    assert (nir[thick] / blue[thick]).mean() > 0.9
    assert (nir[lying] / blue[lying]).mean() < 0.8
    assert blue[thick].mean() > 3 * clear.reflectance[..., 0].mean()


def test_snow_stays_on_northern_slopes():
    grid = Grid(np.arange(40) * 8.0, np.arange(40) * 8.0)
    flat = np.full((40, 40), 50.0)
    slope = np.zeros((40, 40, 2))
    facing_north, facing_south = slope.copy(), slope.copy()
    facing_north[..., 1], facing_south[..., 1] = 0.2, -0.2
    snow = Snow(50.0, 3)
    north, south, level = (
        snow.lies(grid, flat, x) for x in (facing_north, facing_south, slope)
    )
    assert (north > level).all() and (level > south).all()
