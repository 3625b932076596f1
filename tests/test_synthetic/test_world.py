import math

import numpy as np
import pytest

from mmrs.synthetic import Cover, LandUse, Window, World, survey
from mmrs.synthetic.objects import GROUND
from mmrs.synthetic.painters import PAINTERS
from mmrs.synthetic.shadows import HIGHEST


@pytest.fixture(scope='module')
def world() -> World:
    return World(11)


@pytest.fixture(scope='module')
def objects(world) -> list:
    """All objects of 4 districts of each land use."""
    i, j = (axis.ravel() for axis in np.mgrid[:60, :60])
    use = world.land_use(i, j)
    return [
        thing
        for kind in LandUse
        for n in np.flatnonzero(use == kind)[:4]
        for thing in world.district(int(i[n]), int(j[n]))
    ]


def cover_at(world: World, thing) -> int:
    window = Window.centred(*thing.centre, 9, 9, 1.0)
    return int(world.layout(window).cover[4, 4])


def test_all_land_uses_occur(world):
    i, j = np.mgrid[-40:40, -40:40]
    share = np.bincount(world.land_use(i, j).ravel(), minlength=len(LandUse))
    assert (share > 0).all()


def test_land_use_of_one_district_does_not_depend_on_others(world):
    i, j = np.mgrid[:5, :4]
    together = world.land_use(i, j)
    alone = [[int(world.land_use(a, b)) for b in range(4)] for a in range(5)]
    assert together.tolist() == alone


def test_quads_share_their_corners(world):
    west, east = world.quad(3, 8), world.quad(4, 8)
    np.testing.assert_array_equal(west[[1, 2]], east[[0, 3]])


def test_districts_of_a_window_cover_it(world):
    window = Window.centred(5000, -7000, 500, 300, 1.0)
    listed = set(world.districts(window))
    i, j = (axis.ravel() for axis in np.mgrid[0:60, -70:0])
    inside = [
        (int(a), int(b))
        for a, b, centre in zip(i, j, world.quad(i, j).mean(1))
        if 4750 < centre[0] < 5250 and -7150 < centre[1] < -6850
    ]
    assert inside
    assert set(inside) <= listed


def test_two_worlds_of_a_seed_are_equal_and_others_are_not():
    window = Window.centred(900, 900, 64, 64, 4.0)
    first, again, other = (World(s).layout(window) for s in (5, 5, 6))
    np.testing.assert_array_equal(first.elevation, again.elevation)
    np.testing.assert_array_equal(first.cover, again.cover)
    assert [x.bounds for x in first.objects] == [
        x.bounds for x in again.objects
    ]
    assert (first.elevation != other.elevation).any()


def test_every_kind_is_built_and_can_be_painted(objects):
    assert {thing.kind for thing in objects} == set(PAINTERS)
    assert set(GROUND) <= set(PAINTERS)


def test_nothing_is_higher_than_the_shadows_reach(objects):
    assert max(thing.top for thing in objects) <= HIGHEST


@pytest.mark.parametrize('kind', ['ship', 'wake'])
def test_ships_are_on_water(world, objects, kind):
    afloat = [thing for thing in objects if thing.kind == kind][:20]
    assert len(afloat) > 5
    assert {cover_at(world, thing) for thing in afloat} == {Cover.WATER}


@pytest.mark.parametrize(
    'kind', ['building', 'storage_tank', 'airplane', 'tennis_court']
)
def test_buildings_and_the_like_are_not(world, objects, kind):
    ashore = [thing for thing in objects if thing.kind == kind]
    assert len(ashore) > 3
    assert Cover.WATER not in {cover_at(world, thing) for thing in ashore}


def test_airplanes_stand_on_pavement(world, objects):
    planes = [thing for thing in objects if thing.kind == 'airplane']
    covers = {cover_at(world, thing) for thing in planes}
    assert covers <= {Cover.PAVED, Cover.ROAD}


def test_bridges_span_water_from_land_to_land(world, objects):
    bridges = [thing for thing in objects if thing.kind == 'bridge']
    assert bridges
    for bridge in bridges:
        half = len(bridge.polygon) // 2
        middle = (bridge.polygon[:half] + bridge.polygon[half:][::-1]) / 2
        window = Window.centred(*bridge.centre, 260, 260, 1.0)
        col, row = np.round(window.to_pixels(middle)).astype(int).T
        cover = world.layout(window).cover[row, col]
        assert (cover == Cover.WATER).any()
        assert Cover.WATER not in (cover[0], cover[-1])


def test_piers_reach_from_the_shore_into_the_water(world, objects):
    piers = [thing for thing in objects if thing.kind == 'harbor']
    assert piers
    for pier in piers:
        window = Window.centred(*pier.centre, 200, 200, 1.0)
        water = world.layout(window).water
        ends = pier.to_world(np.array([(-0.5, 0), (0.5, 0)]) * pier.length)
        (root, tip) = (
            water[row, col]
            for col, row in np.round(window.to_pixels(ends)).astype(int)
        )
        assert root < 4 < tip


def test_dates_decide_what_stands(world):
    i, j = (axis.ravel() for axis in np.mgrid[:60, :60])
    at = np.flatnonzero(world.land_use(i, j) == LandUse.RESIDENTIAL)[:8]
    changed = 0
    for n in at:
        centre = world.quad(i[n], j[n]).mean(0)
        window = Window.centred(*centre, 200, 200, 1.0)
        built = world.district(int(i[n]), int(j[n]))
        for date in (0.0, 5.0, 11.0):
            shown = {id(x) for x in world.objects(window, date)}
            for thing in built:
                if id(thing) in shown:
                    assert thing.built <= date < thing.removed
        before = {id(x) for x in world.objects(window, 0.0)}
        after = {id(x) for x in world.objects(window, 11.0)}
        changed += len(before ^ after)
        new = [x for x in built if 0 < x.built <= 11]
        assert {id(x) for x in new if _centre_in(x, window)} <= after - before
    assert changed > 0


def _centre_in(thing, window: Window) -> bool:
    west, north, east, south = window.bounds
    x, y = thing.centre
    return west < x < east and north < y < south


def test_local_frame_round_trip(objects):
    thing = next(x for x in objects if x.kind == 'airplane')
    local = thing.to_local(thing.polygon)
    np.testing.assert_allclose(np.ptp(local, 0), (thing.length, thing.width))
    np.testing.assert_allclose(thing.to_world(local), thing.polygon)
    nose = thing.to_world(np.array([thing.length / 2, 0])) - thing.centre
    assert math.isclose(
        math.atan2(nose[1], nose[0]) % math.tau, thing.angle % math.tau
    )


def test_visible_masks_do_not_overlap_and_bridges_hide_ships(world, objects):
    bridge = next(x for x in objects if x.kind == 'bridge')
    found = survey(world, Window.centred(*bridge.centre, 160, 160, 0.6))
    masks = dict(found.instances({'bridge', 'vehicle', 'road', 'ship'}))
    total = np.sum(list(masks.values()), axis=0)
    # At exactly half a pixel each, two objects may both claim it.
    assert (total > 1).mean() < 0.005
    assert bridge in masks
    roads = [mask for thing, mask in masks.items() if thing.kind == 'road']
    deck = masks[bridge]
    assert all(not (mask & deck)[1:-1, 1:-1].sum() > 40 for mask in roads)
