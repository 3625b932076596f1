"""What stands on the ground: one dataclass, and outlines by formula.

Local coordinates are metres with the object's centre as origin, its length
along the first axis; angles turn from east (x) towards south (y).
"""

import math
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property

import numpy as np

from mmrs.synthetic.noise import uniform


class Cover(IntEnum):
    """Land cover of the ground, buildings taken away."""

    WATER = 0
    SAND = 1
    SOIL = 2
    GRASS = 3
    FOREST = 4
    FIELD = 5
    PAVED = 6
    ROAD = 7


# What the flat objects make of the ground they lie on.
GROUND = {
    'road': Cover.ROAD,
    'parking': Cover.ROAD,
    'runway': Cover.ROAD,
    'apron': Cover.PAVED,
    'plaza': Cover.PAVED,
    'quay': Cover.PAVED,
    'pool': Cover.PAVED,
    'gravel': Cover.SOIL,
    'field': Cover.FIELD,
    'turf': Cover.GRASS,
    'lawn': Cover.GRASS,
    'clearing': Cover.SOIL,
    'baseball_diamond': Cover.PAVED,
    'tennis_court': Cover.PAVED,
    'basketball_court': Cover.PAVED,
    'ground_track_field': Cover.PAVED,
}
HOUSE = 220.0  # square metres of extent; larger buildings are no houses
# What comes and goes, and the share of the days on which it is there.
VISITORS = {'vehicle': 0.6, 'ship': 0.6, 'wake': 0.6, 'airplane': 0.6}


@dataclass(frozen=True, eq=False)
class WorldObject:
    """One thing of the world, seen from above.

    Attributes:
        kind: 'building', 'road', 'airplane', ... (the keys of ``PAINTERS``).
        polygon: outline in world metres, (N, 2) float64.
        centre: origin of the local frame in world metres.
        angle: direction of the local first axis, radians.
        length: extent along the local first axis in metres.
        width: extent along the second in metres.
        height: from its base to its top in metres; 0 for flat things.
        base: height of its base above the ground in metres.
        style: seed of its appearance.
        built: date (years) from which it stands.
        removed: date from which it is gone.
    """

    kind: str
    polygon: np.ndarray
    centre: tuple[float, float]
    angle: float
    length: float
    width: float
    height: float = 0.0
    base: float = 0.0
    style: int = 0
    built: float = -math.inf
    removed: float = math.inf
    bounds: tuple[float, float, float, float] = field(init=False)

    def __post_init__(self):
        low, high = self.polygon.min(0), self.polygon.max(0)
        object.__setattr__(self, 'bounds', (*low, *high))

    @property
    def top(self) -> float:
        """Height of the top above the ground in metres."""
        return self.base + self.height

    @property
    def is_house(self) -> bool:
        """Whether it is a building of the size of a house."""
        return self.kind == 'building' and self.length * self.width < HOUSE

    @cached_property
    def outline(self) -> np.ndarray:
        """The polygon with no edge longer than 5 m, (M, 2).

        OpenCV draws an edge that it has to clip up to a pixel off; with
        short edges that stays within a few metres of a window's border.
        """
        edges = np.roll(self.polygon, -1, axis=0) - self.polygon
        parts = np.ceil(np.linalg.norm(edges, axis=1) / 5).astype(int)
        parts = np.maximum(parts, 1)
        edge = np.repeat(np.arange(len(parts)), parts)
        step = np.arange(len(edge)) - (np.cumsum(parts) - parts)[edge]
        return self.polygon[edge] + edges[edge] * (step / parts[edge])[:, None]

    def stands(self, date: float) -> bool:
        """Whether the object is there at this date.

        What comes and goes is all there at date 0 and partly at others.
        """
        if not self.built <= date < self.removed:
            return False
        if date == 0 or self.kind not in VISITORS:
            return True
        return uniform(self.style, day(date)) < VISITORS[self.kind]

    def to_world(self, local: np.ndarray) -> np.ndarray:
        """Local metres (..., 2) to world metres."""
        return turn(local, self.angle) + self.centre

    def to_local(self, points: np.ndarray) -> np.ndarray:
        """World metres (..., 2) to local metres."""
        return turn(np.asarray(points) - self.centre, -self.angle)


def day(date: float) -> int:
    """Number of the day of a date (years)."""
    return round(365 * date)


def turn(points: np.ndarray, angle: float) -> np.ndarray:
    """Rotate points (..., 2) about the origin."""
    c, s = math.cos(angle), math.sin(angle)
    return np.asarray(points, float) @ np.array([[c, s], [-s, c]])


def make(
    kind: str,
    outline: np.ndarray,
    centre: tuple[float, float],
    angle: float,
    **attributes,
) -> WorldObject:
    """Put a local outline (N, 2) at a place of the world."""
    length, width = np.ptp(outline, axis=0)
    return WorldObject(
        kind,
        turn(outline, angle) + centre,
        (float(centre[0]), float(centre[1])),
        angle,
        float(length),
        float(width),
        **attributes,
    )


def free(
    kind: str, polygon: np.ndarray, angle: float = 0.0, **attributes
) -> WorldObject:
    """An object given by its outline in world metres."""
    centre = (polygon.min(0) + polygon.max(0)) / 2
    outline = turn(polygon - centre, -angle)
    return make(kind, outline, centre, angle, **attributes)


def rectangle(length: float, width: float) -> np.ndarray:
    """Outline of a rectangle."""
    x, y = length / 2, width / 2
    return np.array([(-x, -y), (x, -y), (x, y), (-x, y)])


def ell(length: float, width: float, wing: float) -> np.ndarray:
    """Outline of an L: a rectangle without one corner."""
    x, y = length / 2, width / 2
    return np.array(
        [(-x, -y), (x, -y), (x, y), (x - wing, y), (x - wing, wing - y),
         (-x, wing - y)]
    )  # fmt: skip


def arc(radius: float, start: float, stop: float, count: int) -> np.ndarray:
    """Points of a circle about the origin, both ends included."""
    t = np.linspace(start, stop, count)
    return radius * np.stack([np.cos(t), np.sin(t)], -1)


def disc(radius: float) -> np.ndarray:
    """Outline of a circle."""
    return arc(radius, 0, 2 * math.pi, 33)[:-1]


def stadium(length: float, width: float) -> np.ndarray:
    """Outline of a rectangle with two half circles at its ends."""
    r = width / 2
    ends = np.array([length / 2 - r, 0.0])
    right = arc(r, -math.pi / 2, math.pi / 2, 17) + ends
    return np.concatenate([right, -right])


def fan(radius: float) -> np.ndarray:
    """A quarter disc opening along the first axis, its tip at the left."""
    tip = np.array([[-radius / 2, 0.0]])
    return np.concatenate(
        [tip, arc(radius, -math.pi / 4, math.pi / 4, 17) + tip]
    )


def hull(length: float, width: float) -> np.ndarray:
    """Outline of a ship; the bow points along the first axis."""
    x, y = length / 2, width / 2
    side = np.array(
        [(-x, 0.72 * y), (-0.92 * x, y), (0.35 * x, y), (0.68 * x, 0.72 * y),
         (0.9 * x, 0.3 * y), (x, 0.0)]
    )  # fmt: skip
    return np.concatenate([side, side[-2::-1] * (1, -1)])


def airplane(length: float, width: float) -> np.ndarray:
    """Outline of an airliner; the nose points along the first axis."""
    side = np.array(
        [(0.5, 0.0), (0.485, 0.03), (0.43, 0.06), (0.17, 0.06),
         (-0.13, 0.5), (-0.21, 0.5), (-0.07, 0.06), (-0.34, 0.045),
         (-0.45, 0.19), (-0.5, 0.19), (-0.47, 0.02), (-0.5, 0.0)]
    )  # fmt: skip
    outline = np.concatenate([side, side[-2:0:-1] * (1, -1)])
    return outline * (length, width)


def pier(length: float, width: float, fingers: int, reach: float):
    """Outline of a pier with fingers on both sides; it starts at the left."""
    x, y = length / 2, width / 2
    pitch = length / (fingers + 0.5)
    side = [(-x, y)]
    for k in range(fingers):
        mid = -x + (k + 1) * pitch
        for along, out in ((-1, y), (-1, y + reach), (1, y + reach), (1, y)):
            side.append((mid + along * 1.4, out))
    side = np.array([*side, (x, y)])
    return np.concatenate([side, side[::-1] * (1, -1)])


def strip(line: np.ndarray, width: float) -> np.ndarray:
    """The outline of a line (N, 2) with a width."""
    along = np.gradient(line, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    across = along[:, ::-1] * (-1, 1) * width / 2
    return np.concatenate([line + across, (line - across)[::-1]])
