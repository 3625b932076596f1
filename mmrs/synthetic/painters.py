"""How each kind of object looks from above: one function a kind."""

import math

import numpy as np

from mmrs.synthetic import objects as shapes
from mmrs.synthetic.canvas import Canvas, stripes
from mmrs.synthetic.noise import generator
from mmrs.synthetic.objects import WorldObject, rectangle

WHITE = np.array((236, 236, 232))
ASPHALT = np.array((96, 97, 100))
CONCRETE = np.array((176, 172, 164))
TURF = np.array((92, 138, 70))

ROOFS = np.array(
    [(168, 84, 62), (150, 72, 58), (186, 112, 82), (122, 96, 82),
     (120, 122, 126), (96, 100, 108), (150, 138, 120)]
)  # fmt: skip
FLAT_ROOFS = np.array(
    [(196, 194, 188), (166, 166, 164), (214, 212, 206), (150, 142, 132),
     (138, 152, 166), (178, 160, 140), (120, 120, 122)]
)  # fmt: skip
CARS = np.array(
    [(240, 240, 240), (226, 226, 222), (38, 40, 44), (190, 30, 28),
     (34, 70, 160), (196, 198, 202), (236, 200, 40), (24, 110, 70)]
)  # fmt: skip
CROPS = np.array(
    [(150, 162, 80), (104, 142, 62), (196, 176, 96), (166, 134, 92),
     (128, 152, 70), (208, 194, 128), (84, 124, 58), (146, 116, 84)]
)  # fmt: skip
HULLS = np.array(
    [(232, 230, 226), (150, 52, 44), (52, 66, 92), (70, 74, 78),
     (220, 216, 208), (60, 104, 120)]
)  # fmt: skip


def paint(canvas: Canvas, thing: WorldObject) -> None:
    """Draw an object."""
    rng = generator(thing.style, 7)
    PAINTERS[thing.kind](canvas, thing, rng)


def _pick(rng, colours: np.ndarray, spread: float = 8.0) -> np.ndarray:
    """One of the colours, a little changed."""
    colour = colours[rng.integers(len(colours))]
    return colour + rng.normal(0, spread) + rng.normal(0, spread / 3, 3)


def _box(thing: WorldObject, x0, y0, x1, y1) -> np.ndarray:
    """World outline of a local rectangle, given as shares of the extent."""
    half = np.array((thing.length, thing.width)) / 2
    local = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)]) * half
    return thing.to_world(local)


def _segment(thing: WorldObject, x0, y0, x1, y1) -> np.ndarray:
    """World ends of a line, given as shares of the half extent."""
    half = np.array((thing.length, thing.width)) / 2
    return thing.to_world(np.array([(x0, y0), (x1, y1)]) * half)


# -- flat things -------------------------------------------------------------


def paint_road(canvas, thing, rng):
    """Asphalt with a pale kerb and a dashed middle line."""
    half = len(thing.polygon) // 2
    left, right = thing.polygon[:half], thing.polygon[half:][::-1]
    asphalt = ASPHALT + rng.normal(0, 6)
    canvas.fill(thing.polygon, asphalt)
    for side in (left, right):
        canvas.line(side, CONCRETE - 8, 0.8)
    middle = (left + right) / 2
    _dashes(canvas, middle, WHITE - 10, 0.35)


def _dashes(canvas, line, colour, width):
    """A line of dashes three metres long and as far apart."""
    steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
    along = np.concatenate([[0], np.cumsum(steps)])
    at = np.arange(6.0, along[-1] - 6, 6.0)
    for start in at:
        ends = np.array([start, start + 3])
        points = [np.interp(ends, along, line[:, k]) for k in range(2)]
        canvas.line(np.stack(points, -1), colour, width)


def paint_parking(canvas, thing, rng):
    """Asphalt with the white lines of the stalls."""
    canvas.fill(thing.polygon, ASPHALT + 8 + rng.normal(0, 6))
    stalls = round((thing.length - 2) / 3)
    modules = max(round(thing.width / 18), 1)
    for module in range(modules):
        middle = (module + 0.5) * 18 - thing.width / 2
        for side in (-1, 1):
            for k in range(stalls + 1):
                x = (k - stalls / 2) * 3
                ends = [(x, middle + side * 3.2), (x, middle + side * 8.8)]
                canvas.line(thing.to_world(ends), WHITE - 20, 0.2)


def paint_runway(canvas, thing, rng):
    """Dark asphalt, a dashed middle line and threshold bars."""
    canvas.fill(thing.polygon, ASPHALT - 14 + rng.normal(0, 4))
    _dashes(canvas, _segment(thing, -0.9, 0, 0.9, 0), WHITE, 0.7)
    if thing.width < 20:
        return
    for edge in (-0.93, 0.93):
        canvas.line(_segment(thing, -1, edge, 1, edge), WHITE - 20, 0.4)
    for end in (-1, 1):
        for across in np.linspace(-0.8, 0.8, 8):
            bar = _segment(thing, 0.9 * end, across, 0.98 * end, across)
            canvas.line(bar, WHITE, 1.2)


def paint_apron(canvas, thing, rng):
    """Concrete slabs with yellow lead-in lines."""
    canvas.fill(thing.polygon, CONCRETE + rng.normal(0, 5))
    for k in np.arange(-thing.length / 2, thing.length / 2, 12.0):
        x = 2 * k / thing.length
        canvas.line(_segment(thing, x, -1, x, 1), CONCRETE - 16, 0.3)
    canvas.line(_segment(thing, -1, -0.85, 1, -0.85), (214, 184, 60), 0.5)


def paint_plaza(canvas, thing, rng):
    """Plain paving."""
    canvas.fill(thing.polygon, CONCRETE - 18 + rng.normal(0, 8))


def paint_quay(canvas, thing, rng):
    """Paving with a pale edge."""
    canvas.fill(thing.polygon, CONCRETE - 10 + rng.normal(0, 5))
    canvas.line(thing.polygon, CONCRETE + 25, 1.2, closed=True)


def paint_pool(canvas, thing, rng):
    """Bright blue water with a pale rim."""
    canvas.fill(thing.polygon, (84, 178, 206))
    canvas.line(thing.polygon, WHITE - 10, 0.7, closed=True)


def paint_gravel(canvas, thing, rng):
    """Pale gravel, slightly see-through."""
    canvas.blend(thing.polygon, (172, 158, 132), 0.75)


def paint_field(canvas, thing, rng):
    """A crop with furrows along the field, another each year."""
    if canvas.year:
        rng = generator(thing.style, 7, canvas.year)
    crop = _pick(rng, CROPS, 6)
    canvas.blend(thing.polygon, crop, 0.85)
    period = rng.uniform(2.2, 4.5)
    across = thing.angle + math.pi / 2
    furrows = stripes(across, period, rng.uniform(0.12, 0.4))
    canvas.pattern(thing.polygon, furrows, crop * 0.72)
    tracks = stripes(across, period * 7, 0.16)
    canvas.pattern(thing.polygon, tracks, crop * 1.15)


def paint_turf(canvas, thing, rng):
    """A lawn mown in stripes."""
    canvas.blend(thing.polygon, TURF, 0.9)
    mown = stripes(thing.angle + math.pi / 2, 9.0, 0.5)
    canvas.pattern(thing.polygon, mown, TURF * 1.2)


def paint_lawn(canvas, thing, rng):
    """The grass that the land cover shows."""


def paint_clearing(canvas, thing, rng):
    """The soil that the land cover shows, with the tracks of machines."""
    tracks = stripes(thing.angle + rng.uniform(0, 3), rng.uniform(5, 8), 0.2)
    canvas.pattern(thing.polygon, tracks, (122, 98, 70))


def paint_wake(canvas, thing, rng):
    """Foam that spreads and thins out behind the ship."""
    start = (thing.polygon[0] + thing.polygon[3]) / 2
    length = np.linalg.norm(thing.polygon[1:3].mean(0) - start)
    back = -math.cos(thing.angle), -math.sin(thing.angle)
    phase = rng.uniform(0, 6)

    def foam(x, y):
        x, y = x - start[0], y - start[1]
        behind = (x * back[0] + y * back[1]) / length
        across = (y * back[0] - x * back[1]) / (thing.width / 2)
        edge = np.clip(1 - np.abs(across) / (0.55 + 0.45 * behind), 0, 1)
        churn = 0.75 + 0.25 * np.sin(40 * behind + 4 * across + phase)
        return 0.8 * np.clip(1 - behind, 0, 1) ** 1.5 * edge**0.5 * churn

    canvas.pattern(thing.polygon, foam, (232, 240, 242))


def paint_baseball_diamond(canvas, thing, rng):
    """A brown infield with grass inside the bases."""
    dirt = np.array((178, 124, 78)) + rng.normal(0, 8)
    canvas.fill(thing.polygon, dirt)
    tip = np.array([-thing.length / 2, 0.0])
    side = 0.62 * thing.length
    diagonal = side * np.array([(0, 0), (0.707, -0.707), (1.414, 0),
                                (0.707, 0.707)])  # fmt: skip
    bases = tip + (2.5, 0) + diagonal * 0.92
    inner = bases.mean(0) + (bases - bases.mean(0)) * 0.82
    canvas.fill(thing.to_world(inner), TURF * 1.12)
    mound = shapes.disc(0.08 * side) + bases.mean(0)
    canvas.fill(thing.to_world(mound), dirt)
    canvas.fill(thing.to_world(shapes.disc(0.1 * side) + bases[0]), dirt)
    canvas.line(thing.to_world(bases), WHITE, 0.5, closed=True)
    for base in bases:
        canvas.fill(thing.to_world(rectangle(1.5, 1.5) + base), WHITE)


def paint_tennis_court(canvas, thing, rng):
    """A coloured court in a darker surround, white lines and a net."""
    surrounds = np.array([(40, 96, 66), (46, 88, 60), (52, 104, 84)])
    courts = np.array([(52, 96, 170), (66, 120, 190), (44, 84, 150)])
    canvas.fill(thing.polygon, _pick(rng, surrounds, 4))
    court = _pick(rng, courts, 5)
    x, y = 23.77 / thing.length, 10.97 / thing.width
    canvas.fill(_box(thing, -x, -y, x, y), court)
    outline = _box(thing, -x, -y, x, y)
    canvas.line(outline, WHITE, 0.45, closed=True)
    for across in (-0.75 * y, 0.75 * y):
        canvas.line(_segment(thing, -x, across, x, across), WHITE, 0.35)
    for along in (-0.54 * x, 0.54 * x):
        line = _segment(thing, along, -0.75 * y, along, 0.75 * y)
        canvas.line(line, WHITE, 0.35)
    canvas.line(_segment(thing, -0.54 * x, 0, 0.54 * x, 0), WHITE, 0.35)
    canvas.line(_segment(thing, 0, -1.1 * y, 0, 1.1 * y), (30, 34, 36), 0.5)


def paint_basketball_court(canvas, thing, rng):
    """A warm floor with painted keys, arcs and a middle circle."""
    floors = np.array([(206, 148, 96), (196, 128, 84), (214, 164, 120)])
    keys = np.array([(150, 44, 40), (116, 52, 110), (60, 74, 120)])
    canvas.fill(thing.polygon, _pick(rng, floors, 5))
    key = _pick(rng, keys, 5)
    canvas.line(_box(thing, -0.95, -0.92, 0.95, 0.92), WHITE, 0.4, closed=True)
    for end in (-1, 1):
        canvas.fill(_box(thing, 0.55 * end, -0.33, 0.95 * end, 0.33), key)
        hoop = np.array((end * (0.475 * thing.length - 1.6), 0))
        turned = math.pi * (end > 0)
        bow = shapes.arc(6.4, turned - 1.45, turned + 1.45, 15) + hoop
        canvas.line(thing.to_world(bow), WHITE, 0.4)
    canvas.fill(thing.to_world(shapes.disc(2.0)), key)
    canvas.line(thing.to_world(shapes.disc(2.0)), WHITE, 0.4, closed=True)
    canvas.line(_segment(thing, 0, -0.92, 0, 0.92), WHITE, 0.4)


def paint_ground_track_field(canvas, thing, rng):
    """A red running track around a lawn with a pitch."""
    track = np.array((186, 84, 62)) + rng.normal(0, 7)
    canvas.fill(thing.polygon, track)
    lanes = 0.15 * thing.width
    for inset in np.linspace(0.12, 0.88, 4) * lanes:
        lane = shapes.stadium(
            thing.length - 2 * inset, thing.width - 2 * inset
        )
        canvas.line(thing.to_world(lane), track * 1.3, 0.3, closed=True)
    length, width = thing.length - 2 * lanes, thing.width - 2 * lanes
    field = thing.to_world(shapes.stadium(length, width))
    canvas.fill(field, TURF)
    canvas.pattern(field, stripes(thing.angle, 11.0, 0.5), TURF * 1.18)
    canvas.line(field, WHITE, 0.4, closed=True)
    pitch = rectangle((length - width) * 1.25, width * 0.78)
    canvas.line(thing.to_world(pitch), WHITE, 0.4, closed=True)
    canvas.line(
        thing.to_world(shapes.disc(width / 8)), WHITE, 0.4, closed=True
    )
    y = width * 0.39
    canvas.line(thing.to_world([(0, -y), (0, y)]), WHITE, 0.4)


# -- things that stand up ----------------------------------------------------


def paint_building(canvas, thing, rng):
    """A pitched roof on houses, a flat one on large buildings."""
    simple = len(thing.polygon) == 4
    if thing.is_house and simple:
        _pitched_roof(canvas, thing, _pick(rng, ROOFS))
    elif thing.is_house:
        colour = _pick(rng, ROOFS)
        canvas.fill(thing.polygon, colour)
        canvas.line(thing.polygon, colour * 0.75, 0.5, closed=True)
    else:
        _flat_roof(canvas, thing, _pick(rng, FLAT_ROOFS), rng)


def _pitched_roof(canvas, thing, colour):
    for side in (-1, 1):
        facing = thing.angle + side * math.pi / 2
        light = 1 + 0.22 * math.cos(facing - canvas.sunward)
        canvas.fill(_box(thing, -1, 0, 1, side), colour * light)
    ridge = _segment(thing, -1, 0, 1, 0)
    canvas.line(ridge, colour * 0.8, 0.4)


def _flat_roof(canvas, thing, colour, rng):
    canvas.fill(thing.polygon, colour)
    if rng.random() < 0.4:
        ribs = stripes(thing.angle, rng.uniform(2, 4), 0.3)
        canvas.pattern(thing.polygon, ribs, colour * 0.82)
    canvas.line(thing.polygon, colour * 1.12, 0.9, closed=True)
    if len(thing.polygon) > 4:
        return
    for _ in range(rng.integers(1, 6)):
        x, y = rng.uniform(-0.75, 0.75, 2)
        size = rng.uniform(1.6, 3.4, 2)
        corner = np.array((x * thing.length, y * thing.width)) / 2
        unit = thing.to_world(rectangle(*size) + corner)
        canvas.fill(unit, colour * rng.choice([0.62, 1.2]))


def paint_storage_tank(canvas, thing, rng):
    """A round roof, lighter towards the sun, with a rim."""
    tones = np.array([(226, 226, 222), (206, 206, 200), (188, 180, 168)])
    colour = _pick(rng, tones, 4)
    radius = thing.length / 2
    canvas.fill(thing.polygon, colour * 0.8)
    canvas.line(thing.polygon, colour * 0.66, 0.6, closed=True)
    sun = np.array((math.cos(canvas.sunward), math.sin(canvas.sunward)))
    for share, light in ((0.85, 0.9), (0.6, 0.97), (0.3, 1.03)):
        shift = sun * radius * (0.85 - share) * 0.5
        disc = shapes.disc(radius * share) + thing.centre + shift
        canvas.fill(disc, colour * light)
    stair = thing.to_world([(0, 0), (radius * 0.95, 0)])
    canvas.line(stair, colour * 0.78, 0.6)


def paint_airplane(canvas, thing, rng):
    """A white airplane with engines and a coloured tail."""
    tones = np.array([(240, 240, 240), (226, 228, 232), (212, 214, 218)])
    colour = _pick(rng, tones, 3)
    accent = _pick(rng, np.array([(180, 40, 40), (40, 70, 150), (60, 70, 90)]))
    canvas.fill(thing.polygon, colour * 0.93)
    canvas.line(thing.polygon, colour * 0.6, 0.3, closed=True)
    size = np.array((thing.length, thing.width))
    for y in (-0.2, 0.2):
        engine = np.array((0.09, y)) * size
        pod = rectangle(0.1 * thing.length, 0.045 * thing.width)
        canvas.fill(thing.to_world(pod + engine), colour * 0.62)
    canvas.fill(_box(thing, -0.85, -0.05, 0.9, 0.05), colour * 1.04)
    canvas.fill(_box(thing, -0.97, -0.05, -0.7, 0.05), accent)


def paint_vehicle(canvas, thing, rng):
    """A car body with dark windows, or a lorry with its cab."""
    colour = _pick(rng, CARS, 5)
    canvas.fill(thing.polygon, colour)
    canvas.line(thing.polygon, colour * 0.6, 0.2, closed=True)
    if thing.length > 7:
        canvas.fill(_box(thing, 0.62, -1, 1, 1), colour * 0.7)
        return
    canvas.fill(_box(thing, 0.2, -0.8, 0.45, 0.8), (30, 34, 40))
    canvas.fill(_box(thing, -0.75, -0.75, -0.55, 0.75), (36, 40, 46))


def paint_ship(canvas, thing, rng):
    """A hull, its deck, and a bridge house or containers."""
    colour = _pick(rng, HULLS, 5)
    canvas.fill(thing.polygon, colour)
    inner = thing.to_world(thing.to_local(thing.polygon) * (0.92, 0.72))
    if thing.length < 20:
        canvas.fill(inner, WHITE if colour.mean() < 180 else colour * 0.86)
        canvas.fill(_box(thing, -0.45, -0.5, 0.2, 0.5), (70, 84, 100))
        return
    canvas.fill(inner, (172, 120, 92) if rng.random() < 0.5 else colour * 0.8)
    canvas.fill(_box(thing, -0.88, -0.7, -0.66, 0.7), WHITE)
    for x in np.arange(-0.56, 0.55, 0.2):
        if rng.random() < 0.8:
            stack = _pick(rng, np.array([*CARS, (176, 92, 50)]), 10)
            canvas.fill(_box(thing, x, -0.55, x + 0.16, 0.55), stack)


def paint_harbor(canvas, thing, rng):
    """A pier of planks or concrete with a pale edge."""
    tones = np.array([(196, 184, 164), (204, 200, 192), (182, 160, 130)])
    colour = _pick(rng, tones, 4)
    canvas.fill(thing.polygon, colour)
    planks = stripes(thing.angle, 2.4, 0.25)
    canvas.pattern(thing.polygon, planks, colour * 0.75)
    canvas.line(thing.polygon, colour * 1.12, 0.5, closed=True)


def paint_bridge(canvas, thing, rng):
    """A deck with pale railings, footpaths and lanes."""
    half = len(thing.polygon) // 2
    left, right = thing.polygon[:half], thing.polygon[half:][::-1]
    canvas.fill(thing.polygon, CONCRETE + 18)
    inner = [left * (1 - s) + right * s for s in (0.12, 0.88)]
    canvas.fill(np.concatenate([inner[0], inner[1][::-1]]), ASPHALT + 10)
    for side in (left, right):
        canvas.line(side, WHITE, 0.9)
    _dashes(canvas, (left + right) / 2, WHITE, 0.4)


PAINTERS = {
    'road': paint_road,
    'parking': paint_parking,
    'runway': paint_runway,
    'apron': paint_apron,
    'plaza': paint_plaza,
    'quay': paint_quay,
    'pool': paint_pool,
    'gravel': paint_gravel,
    'field': paint_field,
    'turf': paint_turf,
    'lawn': paint_lawn,
    'clearing': paint_clearing,
    'wake': paint_wake,
    'baseball_diamond': paint_baseball_diamond,
    'tennis_court': paint_tennis_court,
    'basketball_court': paint_basketball_court,
    'ground_track_field': paint_ground_track_field,
    'building': paint_building,
    'storage_tank': paint_storage_tank,
    'airplane': paint_airplane,
    'vehicle': paint_vehicle,
    'ship': paint_ship,
    'harbor': paint_harbor,
    'bridge': paint_bridge,
}
