"""How a scene is cut into tiles, and how much each one says of a pixel."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from mmrs.errors import InputError

_KINDS = ('hann', 'flat', 'centre')


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

    def window(self, tile: Tile) -> tuple[int, int, int, int]:
        """Row, column, height and width of a tile in px."""
        return tile.y, tile.x, self.height, self.width

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
