"""Windows of images: grids of tiles, blend weights, reflection at borders."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from mmrs.errors import InputError

_KINDS = ('hann', 'flat', 'centre')


class Window(NamedTuple):
    """A rectangle of pixels; the order of its four numbers is the only one.

    Attributes:
        row: Its first row.
        col: Its first column.
        height: In px.
        width: In px.
    """

    row: int
    col: int
    height: int
    width: int

    def of_rasterio(self):
        """Make rasterio's window of it."""
        from rasterio.windows import Window as Part

        return Part(self.col, self.row, self.width, self.height)

    def is_inside(self, shape: tuple[int, int]) -> bool:
        """Whether it lies in an image of this height and width."""
        return (
            min(self.row, self.col) >= 0
            and min(self.height, self.width) > 0
            and self.row + self.height <= shape[0]
            and self.col + self.width <= shape[1]
        )

    @property
    def slices(self) -> tuple[slice, slice]:
        """Slices of rows and columns."""
        return (
            slice(self.row, self.row + self.height),
            slice(self.col, self.col + self.width),
        )


class Tile(NamedTuple):
    """A tile's place.

    Attributes:
        row: Which row of tiles it is in.
        col: Its place in that row.
        y: Its first row of pixels.
        x: Its first column of pixels.
    """

    row: int
    col: int
    y: int
    x: int


class TileGrid:
    """Tiles that cover a scene, evenly spread, from the top left row by row.

    At each pixel the weights of all tiles that see it add up to 1, so a
    weighted sum is an average, and no weight has to be stored. They are
    products of one weight along the rows and one along the columns.

    Args:
        shape: Height and width of the scene in px.
        side: Of a tile, in px. A scene that is smaller has one tile, cut to
            the scene.
        overlap: Of neighbouring tiles, in px, at least.
        weights: ``'hann'``: fall smoothly towards the edges of a tile, as
            the squared sine does; never 0. ``'flat'``: all alike.
            ``'centre'``: each pixel is taken from the tile whose centre is
            nearest (no blending).

    Raises:
        InputError: `overlap` is not less than `side`, or a value is none.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        side: int = 512,
        overlap: int = 128,
        weights: str = 'hann',
    ) -> None:
        if side < 1 or not 0 <= overlap < side:
            raise InputError(
                f'tile={side} and overlap={overlap}: a tile has one pixel at '
                'least, and overlap is from 0 to less than a tile'
            )
        if weights not in _KINDS:
            raise InputError(
                f'weights={weights!r}: must be one of {", ".join(_KINDS)}'
            )
        self.shape = shape
        self.side = side
        self.height, self.width = (min(side, length) for length in shape)
        self.ys, self.xs = (_starts(n, side, overlap) for n in shape)
        self._down = _axis_weights(self.ys, self.height, weights)
        self._across = _axis_weights(self.xs, self.width, weights)

    def __len__(self) -> int:
        return len(self.ys) * len(self.xs)

    def __iter__(self) -> Iterator[Tile]:
        for row, y in enumerate(self.ys):
            for col, x in enumerate(self.xs):
                yield Tile(row, col, y, x)

    def window(self, tile: Tile) -> Window:
        """Pixels of the scene that a tile covers."""
        return Window(tile.y, tile.x, self.height, self.width)

    def weights(self, tile: Tile) -> np.ndarray:
        """Weights (height, width) of a tile's pixels, float32, 0 to 1."""
        down, across = self._down[tile.row], self._across[tile.col]
        return np.outer(down, across).astype(np.float32)


def _starts(length: int, side: int, overlap: int) -> list[int]:
    """First pixels of the fewest tiles that cover an axis."""
    if length <= side:
        return [0]
    count = -(-(length - overlap) // (side - overlap))
    return np.linspace(0, length - side, count).round().astype(int).tolist()


def _axis_weights(starts: Sequence[int], side: int, kind: str) -> np.ndarray:
    """Weights (tiles, side) along an axis, that add up to 1 at each pixel."""
    if kind == 'flat':
        own = np.ones(side)
    else:
        own = np.sin(np.pi * (np.arange(side) + 0.5) / side) ** 2
    spread = np.zeros((len(starts), starts[-1] + side))
    for line, start in zip(spread, starts):
        line[start : start + side] = own
    if kind == 'centre':
        spread = np.equal(
            np.arange(len(starts))[:, None], spread.argmax(axis=0)
        )
    spread = spread / spread.sum(axis=0)
    return np.stack(
        [line[start : start + side] for line, start in zip(spread, starts)]
    )


def tile_windows(
    shape: tuple[int, int], tile: int, stride: int
) -> list[Window]:
    """Lay windows over an image, a fixed stride apart, so that they cover it.

    The last window of a row or column ends at the edge of the image, so it
    may overlap its neighbour by more than the others do.

    Args:
        shape: Height and width of the image in px.
        tile: Side of a window in px; of an image that is smaller, all.
        stride: From one window to the next in px.
    """
    starts = [
        sorted({*range(0, max(side - tile, 0), stride), max(side - tile, 0)})
        for side in shape
    ]
    height, width = (min(tile, side) for side in shape)
    return [
        Window(row, col, height, width)
        for row in starts[0]
        for col in starts[1]
    ]


def spread_windows(
    shape: tuple[int, int], side: int, count: int
) -> list[Window]:
    """Take windows all over an image, `count` along each axis at most."""
    sides = [min(side, length) for length in shape]
    ys, xs = (
        np.linspace(0, length - own, count).astype(int).tolist()
        for length, own in zip(shape, sides)
    )
    return [
        Window(y, x, *sides)
        for y in dict.fromkeys(ys)
        for x in dict.fromkeys(xs)
    ]


def thinned(length: int, step: int) -> np.ndarray:
    """Which pixels of an axis stay when every `step` become one."""
    return np.minimum(
        np.arange(step // 2, length + step // 2, step), length - 1
    )


def reflect(indices: np.ndarray, size: int) -> np.ndarray:
    """Bring indices outside [0, size) inside by mirrors at the end pixels.

    As ``numpy.pad(mode='reflect')``, however small the image.
    """
    if size == 1:
        return np.zeros_like(indices)
    indices = np.abs(indices) % (2 * (size - 1))
    return np.minimum(indices, 2 * (size - 1) - indices)
