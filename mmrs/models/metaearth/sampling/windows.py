"""Where windows lie: the geometry of generation in pieces.

A window of P output pixels has a margin on each side that its neighbours
cover too; without its margins it is a cell, and the cells tile the image.
The paper cuts a quarter of each side; here the overlap is free (ours).
"""

from typing import NamedTuple, Protocol

import numpy as np

#: Output pixels a pixel of the condition, along a side (the paper's N).
SCALE = 4


class Image(Protocol):
    """RGB pixels that can be read in parts, however they are kept.

    Attributes:
        height: Of the whole, in pixels.
        width: Of the whole, in pixels.
    """

    height: int
    width: int

    def read(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        """Read a part that lies inside: (height, width, 3), uint8."""


class ArrayImage:
    """An image held in memory.

    Args:
        array: (H, W, 3), uint8.
    """

    def __init__(self, array: np.ndarray) -> None:
        self.array = array
        self.height, self.width = array.shape[:2]

    def read(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        """Read a part that lies inside."""
        return self.array[top : top + height, left : left + width]


class Axis(NamedTuple):
    """Windows along one side of an image.

    Attributes:
        size: The image's side in output pixels.
        tile: A window's side.
        stride: A cell's side; the margin on each side of it is
            (tile - stride) / 2.
    """

    size: int
    tile: int
    stride: int

    @property
    def margin(self) -> int:
        """What a window has beyond its cell, on each side."""
        return (self.tile - self.stride) // 2

    @property
    def count(self) -> int:
        """How many windows there are; their cells cover the image."""
        return -(-self.size // self.stride)

    def start(self, index: int) -> int:
        """First pixel of a window; negative for the first ones."""
        return index * self.stride - self.margin

    def cells(self, low: int, high: int) -> range:
        """Cells that meet the pixels [low, high)."""
        return range(low // self.stride, -(-high // self.stride))

    def cell(self, index: int) -> tuple[int, int]:
        """The pixels [first, last) of a cell that are in the image."""
        low = index * self.stride
        return low, min(low + self.stride, self.size)

    def covering(self, low: int, high: int, support: tuple[int, int]) -> range:
        """Windows that count for some of the pixels [low, high).

        Args:
            low: First pixel.
            high: One after the last.
            support: The pixels [first, last) of a window that count.
        """
        first, last = support
        shift = low + self.margin - last
        lowest = shift // self.stride + 1
        highest = -(-(high + self.margin - first) // self.stride)
        return range(max(lowest, 0), min(highest, self.count))


def reflect(indices: np.ndarray, size: int) -> np.ndarray:
    """Bring indices outside [0, size) inside by mirrors at the end pixels.

    As ``numpy.pad(mode='reflect')``, however small the image.
    """
    if size == 1:
        return np.zeros_like(indices)
    indices = np.abs(indices) % (2 * (size - 1))
    return np.minimum(indices, 2 * (size - 1) - indices)


def read_reflected(
    image: Image, top: int, left: int, height: int, width: int
) -> np.ndarray:
    """Read a part of an image that continues by reflection outside of it.

    Returns:
        (height, width, 3), uint8.
    """
    rows = reflect(np.arange(top, top + height), image.height)
    cols = reflect(np.arange(left, left + width), image.width)
    first_row, first_col = int(rows.min()), int(cols.min())
    inside = image.read(
        first_row,
        first_col,
        int(rows.max()) - first_row + 1,
        int(cols.max()) - first_col + 1,
    )
    return inside[np.ix_(rows - first_row, cols - first_col)]
