"""Clouds: fields of optical thickness over the world, one a layer.

Nothing here is measured. The optical thickness is the effective one, of the
light that is lost to the beam for good: a layer of thickness t lets exp(-t)
of the light through (Beer-Lambert) and scatters the rest.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from mmrs.synthetic.noise import Grid, Points, generator, hash32
from mmrs.synthetic.window import Window

# A pixel is labelled cloud from this optical thickness on, where a seventh
# of the light from the ground is lost; thin cloud is cloud, too.
THINNEST = 0.15
# From this thickness on the ground is not to be seen any more.
OPAQUE = 1.2
# Share of the light on the ground that comes from the whole sky and not from
# the sun; a cloud's shadow leaves it.
SKYLIGHT = 0.22
STRETCH = 4.5  # how much longer than wide the streaks of cirrus are


@dataclass(frozen=True)
class CloudType:
    """What a kind of cloud looks like.

    Attributes:
        spacing: size of its largest parts in metres.
        roughness: strength of a size of parts against that of twice as
            large ones, 0 to 1.
        edge: width of its edges, against how much its parts differ.
        thickness: range of the optical thickness of its thick parts.
        height: range of its height above the ground in metres. The relief
            of the world is small, and so are its heights.
        cover: range of the share of the sky that it covers.
    """

    spacing: float
    roughness: float
    edge: float
    thickness: tuple[float, float]
    height: tuple[float, float]
    cover: tuple[float, float]


TYPES = {
    'cumulus': CloudType(360, 0.55, 0.2, (1.8, 5), (120, 420), (0.12, 0.5)),
    'stratus': CloudType(1500, 0.5, 0.7, (1, 4), (200, 600), (0.35, 0.7)),
    'cirrus': CloudType(380, 0.62, 1.4, (0.5, 1.3), (1500, 3000), (0.4, 0.8)),
}


@dataclass(frozen=True)
class Deck:
    """One layer of clouds.

    Attributes:
        kind: key of ``TYPES``.
        key: what tells its noise from that of others.
        cover: share of the sky that it covers, 0 to 1, on the whole.
        thickness: optical thickness of its thick parts.
        height: metres above the ground.
        wind: direction of its streaks, radians from east towards south.
    """

    kind: str
    key: int
    cover: float
    thickness: float
    height: float
    wind: float

    @classmethod
    def draw(cls, kind: str, *keys: int) -> 'Deck':
        """A random layer of a kind; the same for the same keys."""
        rng = generator(*keys)
        look = TYPES[kind]
        return cls(
            kind,
            int(hash32(*keys)),
            rng.uniform(*look.cover),
            rng.uniform(*look.thickness),
            rng.uniform(*look.height),
            rng.uniform(0, 2 * math.pi),
        )

    def optical_thickness(
        self, window: Window, shift: tuple[float, float] = (0.0, 0.0)
    ) -> np.ndarray:
        """Its effective optical thickness, seen from straight above.

        Args:
            window: where to look.
            shift: metres to the east and to the south to look beside it.

        Returns:
            0 in the clear, float32 (H, W).
        """
        grid = window.grid
        xs, ys = grid.xs + shift[0], grid.ys + shift[1]
        look = TYPES[self.kind]
        if self.kind == 'cirrus':
            c, s = math.cos(self.wind), math.sin(self.wind)
            x, y = np.meshgrid(xs, ys)
            place = Points((c * x + s * y) / STRETCH, c * y - s * x)
        else:
            place = Grid(xs, ys)
        field = fractal(
            place, self.key, look.spacing, look.roughness, 1.5 * window.gsd
        )
        excess = field - NormalDist().inv_cdf(1 - self.cover)
        excess = np.maximum(excess, 0)
        rise = (1 - np.exp(-excess / look.edge)) * (0.7 + 0.4 * excess)
        return (self.thickness * rise).astype(np.float32)

    def shadow(
        self, window: Window, sun_azimuth: float, sun_elevation: float
    ) -> np.ndarray:
        """Share of the sun's beam that it keeps from the ground, (H, W).

        The shadow lies away from the sun, the farther the higher the cloud,
        and the beam crosses the cloud aslant.
        """
        reach = self.height / math.tan(sun_elevation)
        towards = math.cos(sun_azimuth), math.sin(sun_azimuth)
        shift = reach * towards[0], reach * towards[1]
        slant = self.optical_thickness(window, shift) / math.sin(sun_elevation)
        return 1 - np.exp(-slant)


def fractal(
    place: Grid | Points,
    key: int,
    spacing: float,
    roughness: float,
    finest: float,
) -> np.ndarray:
    """Noise of many sizes, about normal with mean 0 and deviation 1.

    Args:
        place: where to sample it.
        key: what tells this noise from others.
        spacing: size of its largest parts in metres.
        roughness: amplitude of a size against that of twice as large parts.
        finest: size in metres below which there are no parts.
    """
    total, power, strength, octave = 0.0, 0.0, 1.0, 0
    while spacing > finest or not octave:
        total = total + strength * place.noise(hash32(key, octave), spacing)[0]
        power += strength**2
        spacing, strength = spacing / 2, strength * roughness
        octave += 1
    # An octave of strength 1 has a deviation of one half.
    return total / (0.5 * math.sqrt(power))
