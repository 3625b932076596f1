"""Rows of a scene on disk: written once from the top, read anywhere."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from .tiles import thinned


class RowFile:
    """A plain file of the rows of a raster, row by row.

    A killed run leaves its finished rows behind, which no compressed format
    promises. Rows are read from disk each time and never kept.

    Args:
        path: The file. It need not exist.
        shape: Height and width in px.
        dtype: Of the values.
        bands: Values a pixel.
    """

    def __init__(
        self,
        path: str | Path,
        shape: tuple[int, int],
        dtype: DTypeLike,
        bands: int = 1,
    ) -> None:
        self.path = Path(path)
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self.bands = bands
        self._row_bytes = shape[1] * bands * self.dtype.itemsize

    @property
    def rows(self) -> int:
        """How many whole rows are there."""
        if not self.path.is_file():
            return 0
        return min(self.path.stat().st_size // self._row_bytes, self.shape[0])

    def write(self, y: int, values: np.ndarray) -> None:
        """Write rows from row `y` on; values are (bands, rows, W)."""
        stored = np.moveaxis(values.astype(self.dtype, copy=False), 0, 1)
        mode = 'r+b' if self.path.exists() else 'wb'
        with self.path.open(mode) as file:
            file.seek(y * self._row_bytes)
            file.write(np.ascontiguousarray(stored).data)

    def read(self, start: int, end: int) -> np.ndarray:
        """Read rows from `start` to before `end`, (bands, rows, W)."""
        width = self.shape[1]
        stored = np.fromfile(
            self.path,
            self.dtype,
            (end - start) * width * self.bands,
            offset=start * self._row_bytes,
        )
        return stored.reshape(end - start, self.bands, width).swapaxes(0, 1)

    def strips(self, height: int) -> Iterator[tuple[int, np.ndarray]]:
        """Yield all rows in strips: first row, and (bands, rows, W)."""
        for start in range(0, self.shape[0], height):
            yield start, self.read(start, min(start + height, self.shape[0]))

    def thin_out(self, step: int) -> np.ndarray:
        """Take the middle one of every `step` rows and columns, (bands, ...).

        A last row or column of fewer pixels is taken where they end.
        """
        ys, xs = (thinned(length, step) for length in self.shape)
        rows = [self.read(y, y + 1)[..., xs] for y in ys]
        return np.concatenate(rows, axis=1)
