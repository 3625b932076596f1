"""What is built in a district: one function for each land use."""

import math
from functools import partial

import numpy as np

from mmrs.synthetic import objects as shapes
from mmrs.synthetic.developments import YEARS, develop
from mmrs.synthetic.noise import Points, generator
from mmrs.synthetic.objects import WorldObject, free, make, rectangle, strip
from mmrs.synthetic.site import (
    DECK,
    MODULE,
    STALL,
    VERGE,
    Site,
    add_basketball,
    add_block,
    add_diamond,
    add_house,
    add_parking,
    add_ship,
    add_tank,
    add_tennis,
    add_vehicle,
)
from mmrs.synthetic.terrain import CELL, LandUse, Terrain

LATER_ROADS = 0.7  # share of the roads missing at date 0 that come later


def build_district(world: Terrain, i: int, j: int) -> list[WorldObject]:
    """The objects of district (i, j) and of its western and northern road.

    All that ever stands there, whenever that is. They are a pure function
    of the world's seed and the indices, in the order in which flat ones lie
    over one another.
    """
    site = Site(world, i, j)
    BUILDERS[site.use](site)
    develop(site)
    site.drop_wet()
    things = site.objects
    for along in ((1, 0), (0, 1)):
        things += build_road(world, i, j, along)
    return things


# -- land uses ---------------------------------------------------------------


def build_residential(site: Site) -> None:
    """Houses along an inner street, gardens, here and there a court."""
    a, b, rng = site.a, site.b, site.rng
    site.add('road', rectangle(2 * (a + VERGE), 6.5), 0, 0)
    court = rng.integers(5)  # the row that has one; 4 for none
    for row, v in enumerate((-b + 10, -18.0, 18.0, b - 10)):
        u = -a + 9
        while u < a - 8:
            if row == court and abs(u) < 18:
                add = add_tennis if site.chance(0.5) else add_basketball
                shift = 0.0 if abs(v) > 30 else math.copysign(3, v)
                add(site, 0, v + shift)
                u = 29.0
                continue
            add_house(site, u, v + rng.uniform(-2, 2), rng.uniform(-0.1, 0.1))
            if site.chance(0.35):
                drive = math.copysign(10 if abs(v) < 30 else abs(v) + 9, v)
                site.add('plaza', rectangle(4, 8), u + 9.5, drive)
                add_vehicle(site, u + 9.5, drive, math.pi / 2)
            elif site.chance(0.15):
                pool = rectangle(*rng.uniform((4, 7), (5, 9)))
                site.add('pool', pool, u + 9, v)
            u += rng.uniform(19, 23)
    for u in (-0.6 * a, 0.3 * a):
        if site.chance(0.5):
            add_vehicle(site, u + rng.uniform(-9, 9), 1.7, 0)


def build_apartments(site: Site) -> None:
    """Blocks around a car park, with a basketball court between them."""
    a, b, rng = site.a, site.b, site.rng
    for v in (-b + 9, b - 9):
        for u in (-a / 2, a / 2):
            length = a * rng.uniform(0.55, 0.8)
            add_block(site, u, v, length, 15, rng.uniform(11, 17))
    add_parking(site, -a / 2, -8, int(a * 0.75 / STALL), taken=0.4)
    add_block(site, a * 0.55, -b * 0.3, 24, 20, rng.uniform(8, 14))
    add_basketball(site, a * 0.3, b * 0.4)
    if site.chance(0.6):
        add_tennis(site, -a * 0.5, b * 0.42)


def build_industrial(site: Site) -> None:
    """Halls, yards with lorries, a few tanks."""
    a, b, rng = site.a, site.b, site.rng
    for u in (-a * 0.5, a * 0.5):
        length, width = rng.uniform((0.7, 0.6), (0.9, 0.85)) * (a, b)
        add_block(site, u, -b * 0.5, length, width, rng.uniform(8, 12))
    add_block(site, -a * 0.5, b * 0.55, a * 0.8, b * 0.6, rng.uniform(7, 10))
    if site.chance(0.6):
        radius = rng.uniform(6, 8)
        for k in range(2):
            add_tank(site, a * 0.3 + 2.6 * radius * k, b * 0.65, radius)
    else:
        add_parking(site, a * 0.5, b * 0.6, int(a * 0.8 / STALL), taken=0.35)
    for _ in range(rng.integers(1, 4)):
        add_vehicle(site, rng.uniform(-a, a), rng.uniform(-3, 9), 0)


def build_tank_farm(site: Site) -> None:
    """Rows of equal tanks on gravel."""
    a, b, rng = site.a, site.b, site.rng
    site.add('gravel', rectangle(2 * a + 8, 2 * b + 8), 0, 0)
    for side in (-1, 1):
        radius = rng.uniform(5, 11)
        pitch = radius * rng.uniform(2.6, 3.2)
        columns = int((2 * a - 8) // pitch)
        rows = max(int((b - 4) // pitch), 1)
        for row in range(rows):
            for column in range(columns):
                u = (column - (columns - 1) / 2) * pitch
                v = side * (b * 0.52 + 2) + (row - (rows - 1) / 2) * pitch
                if site.chance(0.8):
                    add_tank(site, u, v, radius)
    site.add('road', rectangle(2 * (a + VERGE), 5), 0, 0)
    if site.chance(0.6):
        add_vehicle(site, rng.uniform(-a, a), 1, 0)


def build_airfield(site: Site) -> None:
    """A runway, an apron with parked airplanes, a terminal."""
    a, b, rng = site.a, site.b, site.rng
    site.add('runway', rectangle(2 * a + 24, 26), 0, -b * 0.68)
    site.add('runway', rectangle(b * 0.6, 9), -a * 0.7, -b * 0.3, math.pi / 2)
    site.add('apron', rectangle(2 * a, b * 1.1), 0, b * 0.38)
    site.add('building', rectangle(a * 1.2, 13), 0, b - 3, height=9.0)
    size = rng.uniform(14, 22)
    pitch = size * 1.3
    rows = 2 if 2 * pitch < b * 0.95 else 1
    heading = rng.choice([math.pi / 2, math.pi / 2, math.pi / 4, 0.0])
    columns = int((2 * a - 6) // pitch)
    for row in range(rows):
        v = b * 0.36 + (row - (rows - 1) / 2) * pitch
        for column in range(columns):
            u = (column - (columns - 1) / 2) * pitch
            if site.chance(0.65):
                length = size * rng.uniform(0.8, 1.15)
                outline = shapes.airplane(length, length * 0.95)
                turn = heading + rng.normal(0, 0.08)
                site.add('airplane', outline, u, v, turn, height=4.0)
            elif site.chance(0.3):
                add_vehicle(site, u, v, 0)
    if site.chance(0.3):
        outline = shapes.airplane(size, size * 0.95)
        u = rng.uniform(-a, a) * 0.8
        site.add('airplane', outline, u, -b * 0.68, 0.0, height=4.0)


def build_sports(site: Site) -> None:
    """A baseball field or two, tennis courts and a car park."""
    a, b, rng = site.a, site.b, site.rng
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    first = int(rng.integers(4))
    for k in range(1 + site.chance(0.6)):
        su, sv = corners[(first + 2 * k) % 4]
        heading = math.atan2(-sv, -su)
        add_diamond(site, su * (a - 26), sv * (b - 26), heading)
    su, sv = corners[(first + 1) % 4]
    count = 2 + site.chance(0.4)
    add_tennis(site, su * (a - 17), sv * (b - 26), count)
    su, sv = corners[(first + 3) % 4]
    if site.chance(0.6):
        add_parking(site, su * (a - 24), sv * (b - 12), 14, taken=0.35)
    else:
        add_basketball(site, su * (a - 17), sv * (b - 14))


def build_school(site: Site) -> None:
    """A running track, basketball courts and the school."""
    a, b, rng = site.a, site.b, site.rng
    length = min(rng.uniform(84, 98), 2 * a - 4)
    width = length * rng.uniform(0.46, 0.54)
    v = b - width / 2 - 2
    track = shapes.stadium(length, width)
    site.add('ground_track_field', track, -a + length / 2 + 2, v)
    for k in range(1 + site.chance(0.6)):
        add_basketball(site, a - 18, -b + 12 + 20 * k)
    add_block(site, -a * 0.35, -b + 16, a * 1.1, 26, rng.uniform(8, 12))
    if site.chance(0.5):
        add_tennis(site, a - 12, b - 24, turn=math.pi / 2)


def build_parking(site: Site) -> None:
    """A large store and its car park."""
    a, b, rng = site.a, site.b, site.rng
    site.add('plaza', rectangle(2 * a, 2 * b), 0, 0)
    add_block(site, 0, -b * 0.55, a * 1.6, b * 0.75, rng.uniform(8, 11))
    modules = int(b // MODULE)
    taken = rng.uniform(0.12, 0.3)
    stalls = int(2 * a // STALL) - 2
    add_parking(site, 0, b * 0.48, stalls, modules, taken=taken)


def build_farmland(site: Site) -> None:
    """Fields side by side."""
    columns, rows = site.rng.integers(1, 4), site.rng.integers(1, 3)
    s, t = (np.linspace(0.045, 0.955, n + 1) for n in (columns, rows))
    for left, right in zip(s[:-1] + 0.006, s[1:] - 0.006):
        for top, bottom in zip(t[:-1] + 0.006, t[1:] - 0.006):
            outline = site.within(
                [left, right, right, left], [top, top, bottom, bottom]
            )
            turned = site.angle + math.pi / 2 * site.chance(0.5)
            site.objects.append(
                free('field', outline, turned, style=site.style())
            )
    if site.chance(0.25):
        add_house(site, site.rng.uniform(-20, 20), site.rng.uniform(-20, 20))


def build_open_water(site: Site) -> None:
    """Ships at sea, some under way."""
    rng = site.rng
    for _ in range(rng.integers(2, 7)):
        length = 14 * 4 ** rng.random()
        centre = site.within(*rng.uniform(0.06, 0.94, 2))
        add_ship(site, centre, rng.uniform(0, 2 * math.pi), length,
                 site.chance(0.5))  # fmt: skip


def build_riverside(site: Site) -> None:
    """A few boats on the river; houses where it is dry."""
    rng = site.rng
    share = rng.uniform(0.1, 0.9, (24, 2))
    points = site.within(*share.T)
    depth = site.water(points)
    boats = 0
    for point in points[depth > 7]:
        angle = _shore_normal(site, point) + math.pi / 2
        length = rng.uniform(10, 18)
        boats += add_ship(site, point, angle, length, site.chance(0.5))
        if boats == 3:
            break
    for point in points[depth < -22][:4]:
        u, v = shapes.turn(point - site.centre, -site.angle)
        if abs(u) < site.a and abs(v) < site.b and site.chance(0.5):
            clear = [
                math.dist(point, x.centre) > 22
                for x in site.objects
                if x.kind == 'building'
            ]
            if all(clear):
                add_house(site, u, v)


def build_harbor(site: Site) -> None:
    """Piers with moored boats at a quay, warehouses behind it."""
    rng = site.rng
    s = np.linspace(0.05, 0.95, 19)
    points = site.within(*np.meshgrid(s, s)).reshape(-1, 2)
    depth = site.water(points)
    middle = np.linalg.norm(points - site.centre, axis=1)
    foot = points[np.argmin(np.abs(depth) * 2 + middle)]
    for _ in range(3):  # onto the shore line itself
        normal = _shore_normal(site, foot)
        out = np.array([math.cos(normal), math.sin(normal)])
        foot = foot - out * site.water(foot)
    along = np.array([-out[1], out[0]])
    line = foot + np.linspace(-70, 70, 36)[:, None] * along
    line = line - out * np.clip(site.water(line), -15, 15)[:, None]
    quay = strip(line, 16.0) - out * 5
    site.objects.append(free('quay', quay, style=site.style()))
    pitch = rng.uniform(36, 46)
    for k in (-1, 0, 1):
        root = line[np.argmin(np.abs((line - foot) @ along - k * pitch))]
        _add_pier(site, root, normal)
    for u in (-52, -18, 18, 52):
        inland = foot + along * u - out * rng.uniform(26, 34)
        length, width = rng.uniform((20, 12), (30, 18))
        site.objects.append(
            make(
                'building', rectangle(length, width), inland,
                normal + math.pi / 2, height=rng.uniform(6, 9),
                style=site.style(),
            )
        )  # fmt: skip


def _add_pier(site: Site, root: np.ndarray, normal: float) -> None:
    """A pier from the shore straight out, boats at its fingers."""
    rng = site.rng
    length, width = rng.uniform((38, 6.5), (58, 9))
    out = np.array([math.cos(normal), math.sin(normal)])
    along = np.array([-out[1], out[0]])
    fingers = int(length // 13)
    reach = rng.uniform(6, 8)
    centre = root + out * (length / 2 - 3)
    tip = site.water(root + out * (length + 4))
    if tip < 5 or site.water(centre) < 4:
        return
    site.objects.append(
        make(
            'harbor', shapes.pier(length, width, fingers, reach), centre,
            normal, height=2.0, style=site.style(),
        )
    )  # fmt: skip
    pitch = length / (fingers + 0.5)
    for k in range(1, fingers):
        for side in (-1, 1):
            boat = rng.uniform(10, 15)
            offset = (k + 1.5) * pitch - length / 2
            away = width / 2 + boat / 2 + 1
            place = centre + out * offset + along * side * away
            if site.chance(0.7):
                add_ship(site, place, normal + side * math.pi / 2, boat)


def _shore_normal(site: Site, point: np.ndarray) -> float:
    """Direction in which the water gets deeper, radians."""
    steps = np.array([(3, 0), (-3, 0), (0, 3), (0, -3)], float)
    east, west, south, north = site.water(point + steps)
    return math.atan2(south - north, east - west)


def build_nothing(site: Site) -> None:
    """Leave the place to its land cover."""


BUILDERS = {
    LandUse.OPEN_WATER: build_open_water,
    LandUse.HARBOR: build_harbor,
    LandUse.BEACH: build_open_water,
    LandUse.SHORE: build_open_water,
    LandUse.RIVERSIDE: build_riverside,
    LandUse.FOREST: build_nothing,
    LandUse.MEADOW: build_nothing,
    LandUse.FARMLAND: build_farmland,
    LandUse.BARE: build_nothing,
    LandUse.RESIDENTIAL: build_residential,
    LandUse.APARTMENTS: build_apartments,
    LandUse.INDUSTRIAL: build_industrial,
    LandUse.TANK_FARM: build_tank_farm,
    LandUse.AIRFIELD: build_airfield,
    LandUse.SPORTS: build_sports,
    LandUse.SCHOOL: build_school,
    LandUse.PARKING: build_parking,
}


# -- roads -------------------------------------------------------------------


def build_road(
    world: Terrain, i: int, j: int, along: tuple[int, int]
) -> list[WorldObject]:
    """The road from crossing (i, j) to its neighbour, with its traffic.

    It spans narrow water on a bridge and is left out where the water is
    wide or reaches a crossing.
    """
    di, dj = along
    steps = np.arange(-1, 3)
    before, start, stop, after = world.crossing(i + di * steps, j + dj * steps)
    towards, past = (stop - before) / 2, (after - start) / 2
    t = np.linspace(0, 1, int(CELL / 4))[:, None]
    line = (
        (2 * t**3 - 3 * t**2 + 1) * start
        + (t**3 - 2 * t**2 + t) * towards
        + (3 * t**2 - 2 * t**3) * stop
        + (t**3 - t**2) * past
    )
    place = Points(*line.T)
    wet = np.flatnonzero(world.water_distance(place) > -4)
    town = float(world.urbanity(Points(*line[len(line) // 2])))
    rng = generator(world.key('road'), i, j, dj)
    built = -math.inf
    if not len(wet) and rng.random() > 0.4 + 0.6 * town:
        if rng.random() > LATER_ROADS:
            return []
        built = rng.uniform(0.1, YEARS)
    if len(wet) and (
        wet[0] < 3
        or wet[-1] > len(line) - 4
        or wet[-1] - wet[0] != len(wet) - 1
        or not 3 < len(wet) < 30
    ):
        return []
    width = 10.0 if town > 0.5 else 8.0
    style = int(rng.integers(2**31))
    road = partial(free, 'road', style=style, built=built)
    if not len(wet):
        things = [road(strip(line, width))]
    else:
        ends = line[: wet[0] + 1], line[wet[-1] :]
        things = [road(strip(end, width)) for end in ends]
        span = line[wet[0] - 1 : wet[-1] + 2]
        deck = partial(free, 'bridge', style=style, height=DECK)
        things.append(deck(strip(span, width + 3)))
    if built > 0:
        return things
    for _ in range(rng.poisson(1.5 + 2 * town)):
        at = int(rng.integers(3, len(line) - 3))
        ahead = line[at + 1] - line[at - 1]
        angle = math.atan2(ahead[1], ahead[0]) + math.pi * (rng.random() < 0.5)
        lane = np.array([-math.sin(angle), math.cos(angle)]) * width / 4
        over = len(wet) and wet[0] - 1 <= at <= wet[-1] + 1
        near = len(wet) and wet[0] - 4 <= at <= wet[-1] + 4
        if near and not over:
            continue
        size = rng.uniform((4.5, 2.0), (5.4, 2.3))
        things.append(
            make(
                'vehicle', rectangle(*size), line[at] + lane, angle,
                height=1.6, base=DECK if over else 0.0,
                style=int(rng.integers(2**31)),
            )
        )  # fmt: skip
    return things
