"""What the years bring: districts are built up, others lose buildings.

All of it happens after date 0, so the world at date 0 is that of the
districts alone.
"""

import math
from dataclasses import replace

import numpy as np

from mmrs.synthetic import objects as shapes
from mmrs.synthetic.objects import WorldObject, rectangle
from mmrs.synthetic.site import VERGE, Site, add_block, add_house
from mmrs.synthetic.terrain import LandUse

YEARS = 10.0  # the time in which things happen
COUNTRY = (
    LandUse.FOREST,
    LandUse.MEADOW,
    LandUse.FARMLAND,
    LandUse.BARE,
)
# Share of the residential districts of which a part is torn down, and of
# the large buildings anywhere that are.
CLEARANCE, DECAY = 0.3, 0.12
PLOT = 24.0  # metres between the middles of single houses in the country


def develop(site: Site) -> None:
    """Add to a district what is built in it after date 0."""
    if site.use in COUNTRY:
        plans = (build_estate, build_hamlet, build_works, leave)
        draw = site.rng.choice(4, p=(0.5, 0.25, 0.15, 0.1))
        plans[draw](site)
    else:
        tear_down(site)


def build_estate(site: Site) -> None:
    """Houses along a new street, on one side of it or both."""
    a, rng = site.a, site.rng
    street = rng.uniform(0.1, YEARS)
    start = min(street + site.chance(0.5) * rng.uniform(0, 4), YEARS)
    pace = rng.uniform(0, 3) * site.chance(0.4)  # years until all stand
    west, east = np.sort(rng.uniform(-a, a, 2))
    if east - west < a:
        west, east = -a, a
    sides = ((-1, 1), (-1, 1), (-1,), (1,))[rng.integers(4)]
    ground = _new_ground(site)
    for side in sides:
        plot = rectangle(east - west, 26)
        middle = (west + east) / 2
        site.add(ground, plot, middle, 16.5 * side, built=start)
    road = rectangle(2 * (a + VERGE), 6.5)
    site.add('road', road, 0, 0, built=street)
    for side in sides:
        u = west + 9
        while u < east - 8:
            built = start + rng.uniform(0, 1) * pace
            v = 14.5 * side + rng.uniform(-1, 1)
            add_house(site, u, v, built=built)
            if site.chance(0.15):
                pool = rectangle(*rng.uniform((4, 6), (5, 8)))
                site.add('pool', pool, u, 26.0 * side, built=built)
            u += rng.uniform(16, 20)


def build_hamlet(site: Site) -> None:
    """One to five houses close together, without a street."""
    rng = site.rng
    start = rng.uniform(0.1, YEARS)
    pace = rng.uniform(0, 6) * site.chance(0.4)
    turn = rng.uniform(-0.3, 0.3)
    u, v = rng.uniform(-1, 1, 2) * (site.a - 1.5 * PLOT, site.b - PLOT)
    plots = [(x, y) for x in (-1, 0, 1) for y in (-0.5, 0.5)]
    taken = rng.permutation(len(plots))[: rng.integers(1, 6)]
    ground = _new_ground(site)
    for n in taken:
        x, y = np.array(plots[n]) * PLOT + rng.uniform(-2, 2, 2)
        built = start + rng.uniform(0, 1) * pace
        garden = shapes.disc(rng.uniform(11, 15))
        site.add(ground, garden, u + x, v + y, built=built)
        add_house(site, u + x, v + y, turn, built=built)


def build_works(site: Site) -> None:
    """One or two large halls on cleared ground."""
    rng = site.rng
    built = rng.uniform(0.1, YEARS)
    length, width = rng.uniform((32, 20), (56, 34))
    count = 1 + site.chance(0.3)
    u = rng.uniform(-1, 1) * max(site.a - length / 2 - 8, 0)
    v = rng.uniform(-1, 1) * max(site.b - width * count / 2 - 8 * count, 0)
    yard = rectangle(length + 14, (width + 14) * count)
    site.add(_new_ground(site), yard, u, v, built=built)
    for k in range(count):
        y = v + (k - (count - 1) / 2) * (width + 12)
        height = rng.uniform(7, 11)
        add_block(site, u, y, length, width, height, built=built)


def leave(site: Site) -> None:
    """Leave the district as it is."""


def tear_down(site: Site) -> None:
    """Let buildings disappear, and leave bare soil where some stood."""
    rng = site.rng
    is_cleared = site.use == LandUse.RESIDENTIAL and site.chance(CLEARANCE)
    date = rng.uniform(0.1, YEARS)
    middle = rng.uniform(-site.a, site.a)
    side = rng.choice((-1, 1))
    for n, thing in enumerate(list(site.objects)):
        if thing.kind != 'building' or thing.built > 0:
            continue
        if thing.removed == math.inf:
            u, v = shapes.turn(thing.centre - site.centre, -site.angle)
            near = abs(u - middle) < 45 and v * side > 0
            if not thing.is_house:
                falls = site.chance(DECAY)
                when = rng.uniform(0.1, YEARS)
            else:
                falls, when = is_cleared and near, date
            if not falls:
                continue
            thing = site.objects[n] = replace(thing, removed=when)
        if site.chance(0.5):
            site.objects.append(_bare_soil(thing))


def _new_ground(site: Site) -> str:
    return 'clearing' if site.chance(0.5) else 'lawn'


def _bare_soil(gone: WorldObject) -> WorldObject:
    """The soil where a building stood."""
    return replace(
        gone,
        kind='clearing',
        polygon=gone.to_world(gone.to_local(gone.polygon) * 1.15),
        height=0.0,
        built=gone.removed,
        removed=math.inf,
    )
