"""The world at two dates, and what is found to differ."""

import math
from collections import Counter
from dataclasses import replace

import cv2
import numpy as np
import pytest

from mmrs.synthetic import LandUse, Look, Window, World, render_optical, survey
from mmrs.synthetic.change import compare
from mmrs.synthetic.developments import COUNTRY
from mmrs.synthetic.objects import VISITORS, make, rectangle


@pytest.fixture(scope='module')
def world() -> World:
    return World(2)


@pytest.fixture(scope='module')
def lasting(world) -> dict:
    """What is not a visitor in 60 districts of town and of country."""
    i, j = (axis.ravel() for axis in np.mgrid[:40, :40])
    use = world.land_use(i, j)
    return {
        uses: [
            thing
            for n in np.flatnonzero(np.isin(use, uses))[:60]
            for thing in world.district(int(i[n]), int(j[n]))
            if thing.kind not in VISITORS
        ]
        for uses in ((LandUse.RESIDENTIAL,), COUNTRY)
    }


def window_on(thing, size=96, gsd=0.75) -> Window:
    return Window.centred(*thing.centre, size, size, gsd)


def test_nothing_that_lasts_changes_at_date_0_or_before(lasting):
    for things in lasting.values():
        for thing in things:
            assert thing.built == -math.inf or thing.built > 0
            assert thing.removed > 0


def test_town_and_country_change_in_their_own_ways(lasting):
    town, country = lasting.values()
    came, gone = [], []
    for things in (town, country):
        came.append(Counter(x.kind for x in things if x.built > 0))
        gone.append(Counter(x.kind for x in things if x.removed < math.inf))
    assert came[0]['building'] > 60 and gone[0]['building'] > 60
    assert came[1]['building'] > 100 and came[1]['road'] > 30
    assert came[1]['lawn'] > 10 and came[1]['clearing'] > 10
    assert any(not x.is_house for x in country if x.kind == 'building')
    assert gone[1]['road'] == 0


def test_houses_of_an_estate_do_not_overlap(world, lasting):
    new = [x for x in lasting[COUNTRY] if x.kind == 'building' and x.built > 0]
    for thing in new[:60]:
        window = window_on(thing, size=128, gsd=1.0)
        shown = [
            x for x in world.objects(window, 11.0)
            if x.kind in ('building', 'road')
        ]  # fmt: skip
        masks = np.zeros((len(shown), 128, 128), np.uint8)
        for mask, x in zip(masks, shown):
            outline = np.round(window.to_pixels(x.polygon)).astype(np.int32)
            cv2.fillPoly(mask, [outline], 1)
        houses = [x.kind == 'building' for x in shown]
        over = masks[houses].sum(0)
        assert np.mean(over > 1) < 0.01


def test_visitors_come_and_go_and_are_all_there_at_date_0():
    cars = [
        make('vehicle', rectangle(5, 2), (k, 0), 0.0, style=k)
        for k in range(300)
    ]
    assert all(car.stands(0.0) for car in cars)
    first, second = ([car.stands(t) for car in cars] for t in (2.0, 8.0))
    assert 120 < sum(first) < 240
    assert 60 < np.sum(np.array(first) != second) < 240
    assert first == [car.stands(2.0) for car in cars]


def test_a_new_house_is_found_where_it_stands(world, lasting):
    things = [x for x in lasting[(LandUse.RESIDENTIAL,)] if x.built > 0]
    house = next(x for x in things if x.is_house)
    window = window_on(house)
    eve, morrow = house.built - 1e-6, house.built + 1e-6
    change = compare(survey(world, window, eve), survey(world, window, morrow))
    (alteration,) = change.alterations
    assert alteration.thing is house and alteration.appeared
    rows, cols = np.nonzero(alteration.mask)
    assert abs(cols.mean() - 47.5) < 3 and abs(rows.mean() - 47.5) < 3
    area = alteration.mask.sum() * window.gsd**2
    outline = (house.polygon - house.centre).astype(np.float32)
    # A tree may hang over it, in part.
    assert 0.5 * cv2.contourArea(outline) < area
    assert area < 1.2 * cv2.contourArea(outline)
    np.testing.assert_array_equal(change.label == 255, alteration.mask)
    assert not (change.label == 128).any()
    # And the other way round it is gone.
    (back,) = compare(change.after, change.before).alterations
    assert not back.appeared
    np.testing.assert_array_equal(back.mask, alteration.mask)


def test_a_new_road_is_marked_but_not_where_it_crosses_an_old_one(world):
    i, j = (axis.ravel() for axis in np.mgrid[:60, :60])
    road = next(
        thing
        for n in np.flatnonzero(np.isin(world.land_use(i, j), COUNTRY))
        for thing in world.district(int(i[n]), int(j[n]))
        if thing.kind == 'road' and thing.built > 0 and len(thing.polygon) > 4
    )
    window = window_on(road, size=256, gsd=1.0)
    before, after = (
        survey(world, window, road.built + step) for step in (-1e-6, 1e-6)
    )
    change = compare(before, after)
    (alteration,) = (x for x in change.alterations if x.thing is road)
    assert alteration.mask.sum() > 400
    old = [x for x in before.layout.objects if x.kind == 'road']
    outlines = [np.round(window.to_pixels(x.outline)) for x in old]
    crossed = np.zeros((256, 256), np.uint8)
    for outline in outlines:
        cv2.fillPoly(crossed, [outline.astype(np.int32)], 1)
    inner = cv2.erode(crossed, np.ones((3, 3), np.uint8)) > 0
    assert (alteration.mask & inner).sum() < 0.02 * alteration.mask.sum()


def test_equal_dates_have_no_change(world, lasting):
    window = window_on(lasting[COUNTRY][0])
    change = compare(survey(world, window, 3.0), survey(world, window, 3.0))
    assert change.alterations == []
    assert not change.label.any()


def test_season_year_and_sensor_change_the_picture(world, lasting):
    window = window_on(lasting[COUNTRY][0], size=64)
    green = Look(noise=0.0)
    plain, _ = render_optical(world, window, green, 3.0)
    dry, found = render_optical(
        world, window, replace(green, dryness=1.0), 3.0
    )
    cover = found.layout.cover
    grass = np.isin(cover, (3, 4, 5))
    assert grass.mean() > 0.3
    shift = dry.astype(int) - plain
    assert shift[grass][:, 0].mean() > 3  # redder
    noisy = [
        render_optical(world, window, Look(noise=3.0), t)[0].astype(int)
        for t in (3.0, 3.004)
    ]
    assert np.abs(noisy[0] - noisy[1]).mean() > 1


def test_terrain_is_the_same_at_all_dates(world, lasting):
    window = window_on(lasting[COUNTRY][0])
    first, second = (world.layout(window, t) for t in (1.0, 9.0))
    np.testing.assert_array_equal(first.elevation, second.elevation)
    np.testing.assert_array_equal(first.water, second.water)


def test_few_trees_change_in_a_wood(world):
    i, j = (axis.ravel() for axis in np.mgrid[:60, :60])
    n = np.flatnonzero(world.land_use(i, j) == LandUse.FOREST)[0]
    centre = world.quad(i[n], j[n]).mean(0)
    window = Window.centred(*centre, 80, 80, 0.5)
    crowns = [
        survey(world, window, t).canopy.alpha > 0.5 for t in (2.0, 2.0, 9.0)
    ]
    np.testing.assert_array_equal(crowns[0], crowns[1])
    assert 0 < np.mean(crowns[0] != crowns[2]) < 0.15
