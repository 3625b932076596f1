"""A district to build in, and the parts that several land uses share."""

import math

import numpy as np

from mmrs.synthetic import objects as shapes
from mmrs.synthetic.noise import Points, generator
from mmrs.synthetic.objects import WorldObject, free, make, rectangle
from mmrs.synthetic.terrain import LandUse, Terrain

VERGE = 20.0  # metres kept free beside a road's straight course
DECK = 8.0  # height of a bridge's deck above the ground and the water
STALL, MODULE = 3.0, 18.0  # a parking stall; two rows and their aisle
MODERN = 0.2  # share of the houses that are built or removed at some date
# Kinds that may touch the water; all others are dropped where it is wet.
ASHORE_OR_NOT = {'ship', 'wake', 'harbor', 'quay', 'bridge'}


class Site:
    """A district to build in.

    Its local frame has the district's centre as origin and the first axis
    along its northern road; the rectangle ``|u| <= a, |v| <= b`` is clear of
    roads.
    """

    def __init__(self, world: Terrain, i: int, j: int):
        self.world = world
        self.use = LandUse(int(world.land_use(i, j)))
        self.quad = world.quad(i, j)
        self.centre = self.quad.mean(0)
        east = self.quad[1] + self.quad[2] - self.quad[0] - self.quad[3]
        self.angle = math.atan2(east[1], east[0])
        local = np.abs(shapes.turn(self.quad - self.centre, -self.angle))
        self.a, self.b = np.maximum(local.min(0) - VERGE, 50.0)
        self.rng = generator(world.key('district'), i, j)
        self.objects: list[WorldObject] = []

    def add(self, kind, outline, u, v, turn=0.0, **attributes):
        """Put an outline (N, 2) at local (u, v), turned by an angle."""
        centre = shapes.turn((u, v), self.angle) + self.centre
        attributes.setdefault('style', self.style())
        thing = make(kind, outline, centre, self.angle + turn, **attributes)
        self.objects.append(thing)
        return thing

    def style(self) -> int:
        """Draw a seed of appearance."""
        return int(self.rng.integers(2**31))

    def chance(self, probability: float) -> bool:
        """Draw whether something happens."""
        return self.rng.random() < probability

    def within(self, s, t) -> np.ndarray:
        """World metres of the shares (s, t) of the way across the quad."""
        s, t = np.asarray(s)[..., None], np.asarray(t)[..., None]
        north = self.quad[0] * (1 - s) + self.quad[1] * s
        south = self.quad[3] * (1 - s) + self.quad[2] * s
        return north * (1 - t) + south * t

    def water(self, points: np.ndarray) -> np.ndarray:
        """Signed distance to the shore at world points (..., 2)."""
        points = np.asarray(points)
        place = Points(points[..., 0], points[..., 1])
        return self.world.water_distance(place)

    def drop_wet(self) -> None:
        """Take away what would stand in the water."""
        land = [x for x in self.objects if x.kind not in ASHORE_OR_NOT]
        if not land:
            return
        depth = self.water(np.concatenate([x.polygon for x in land]))
        starts = np.cumsum([0] + [len(x.polygon) for x in land[:-1]])
        wet = np.maximum.reduceat(depth, starts) > -3
        gone = {id(x) for x, is_wet in zip(land, wet) if is_wet}
        self.objects = [x for x in self.objects if id(x) not in gone]


def add_vehicle(site: Site, u: float, v: float, turn: float) -> None:
    """A car, or now and then a lorry."""
    if site.chance(0.1):
        size, height = (site.rng.uniform(7.5, 10), 2.7), 3.0
    else:
        size = site.rng.uniform((4.5, 2.0), (5.4, 2.3))
        height = 1.6
    turn += math.pi * site.chance(0.5)
    site.add('vehicle', rectangle(*size), u, v, turn, height=height)


def add_parking(site, u, v, stalls, modules=1, turn=0.0, taken=0.45):
    """A car park of two rows of stalls a module, partly taken."""
    length, width = stalls * STALL, modules * MODULE
    site.add('parking', rectangle(length + 2, width), u, v, turn)
    for module in range(modules):
        for side in (-1, 1):
            across = (module + 0.5) * MODULE - width / 2 + side * 6.0
            for stall in range(stalls):
                if site.chance(taken):
                    along = (stall + 0.5) * STALL - length / 2
                    x, y = shapes.turn((along, across), turn)
                    add_vehicle(site, u + x, v + y, turn + math.pi / 2)


def add_house(site, u, v, turn=0.0, **dates):
    """A detached house; without dates, some are built or removed later."""
    length, width = site.rng.uniform((10, 8), (15, 10.5))
    outline = (
        shapes.ell(length, width * 1.3, width * 0.75)
        if site.chance(0.25)
        else rectangle(length, width)
    )
    if not dates and site.chance(MODERN):
        key = 'removed' if site.chance(0.25) else 'built'
        dates[key] = site.rng.uniform(0, 10)
    height = site.rng.uniform(5, 8)
    site.add('building', outline, u, v, turn, height=height, **dates)


def add_block(site, u, v, length, width, height, turn=0.0, **dates):
    """A large building with a flat roof."""
    outline = (
        shapes.ell(length, width, min(length, width) * 0.45)
        if site.chance(0.25)
        else rectangle(length, width)
    )
    site.add('building', outline, u, v, turn, height=height, **dates)


def add_tank(site, u, v, radius):
    """A storage tank."""
    height = radius * site.rng.uniform(0.7, 1.1)
    site.add('storage_tank', shapes.disc(radius), u, v, height=height)


def add_tennis(site, u, v, count=1, turn=0.0):
    """Tennis courts side by side."""
    style = site.style()
    for k in range(count):
        y = (k - (count - 1) / 2) * 17.5
        x, y = shapes.turn((0, y), turn)
        court = rectangle(32, 16)
        site.add('tennis_court', court, u + x, v + y, turn, style=style)


def add_basketball(site, u, v, turn=0.0):
    """A basketball court."""
    size = site.rng.uniform((26, 14.5), (29, 16))
    site.add('basketball_court', rectangle(*size), u, v, turn)


def add_diamond(site, u, v, turn):
    """A baseball field: the infield and its mown outfield."""
    radius = site.rng.uniform(28, 34)
    reach = 2.0 * radius
    x, y = shapes.turn(((reach - radius) / 2, 0), turn)
    site.add('turf', shapes.fan(reach), u + x, v + y, turn)
    site.add('baseball_diamond', shapes.fan(radius), u, v, turn)


def add_ship(site, centre, angle, length, moving=False):
    """A ship where there is water enough around it; tells if it was."""
    width = length * site.rng.uniform(0.2, 0.3)
    height = min(2 + 0.1 * length, DECK - 2)
    ship = make(
        'ship', shapes.hull(length, width), centre, angle,
        height=height, style=site.style(),
    )  # fmt: skip
    if site.water(ship.polygon).min() < 1.0:
        return False
    for other in site.objects:
        gap = math.dist(other.centre, ship.centre)
        if other.kind == 'ship' and gap < (other.length + length) / 2:
            return False
    if moving:
        wake = np.array([(0, 0.4), (-1.5, 0.7), (-1.5, -0.7), (0, -0.4)])
        wake = wake * (length, width) - (0.3 * length, 0)
        site.objects.append(
            free('wake', ship.to_world(wake), angle, style=ship.style)
        )
    site.objects.append(ship)
    return True
