"""Images that are generated where they are read."""

from collections import OrderedDict
from collections.abc import Iterator

import numpy as np

from .denoiser import Denoiser, Place
from .joint import denoise_area
from .merge import JOINT_RULES, blend, merge_weights, support
from .windows import SCALE, Axis, Image, read_reflected


class GeneratedImage:
    """The output of a stage, four times as fine as its source.

    A part that is read is computed from the windows that meet it, these from
    the part of the source that they lie on: a source that is itself generated
    is computed no further than needed. Some windows are remembered, enough to
    read from top to bottom without computing any twice; the memory taken
    depends on the width of the image, not on its height (ours; the paper runs
    a stage for the whole area before the next).

    Args:
        source: The condition.
        denoiser: Of the stage.

    Attributes:
        height: In output pixels.
        width: In output pixels.
        stride: Rows of a multiple of this height, from a multiple of it on,
            are read without computing windows in vain.
        denoiser: As given.
    """

    def __init__(self, source: Image, denoiser: Denoiser) -> None:
        settings = denoiser.settings
        self.height = source.height * SCALE
        self.width = source.width * SCALE
        self.stride = settings.stride
        self._source = source
        self.denoiser = denoiser
        self._rows = Axis(self.height, settings.tile, settings.stride)
        self._cols = Axis(self.width, settings.tile, settings.stride)
        weights = merge_weights(settings.merge, settings.tile, settings.stride)
        self._support = support(weights)
        self._weights = weights[slice(*self._support)]
        # Windows (row, column) that were computed, of their support.
        self._known: OrderedDict[Place, np.ndarray] = OrderedDict()

    def read(
        self,
        top: int,
        left: int,
        height: int,
        width: int,
        wanted: np.ndarray | None = None,
    ) -> np.ndarray:
        """Read a part, computing what is not remembered of it.

        Args:
            top: First row.
            left: First column.
            height: Number of rows.
            width: Number of columns.
            wanted: (height, width), bool. Cells without any wanted pixel
                are left black.

        Returns:
            (height, width, 3), uint8.
        """
        if wanted is None:
            wanted = np.ones((height, width), bool)
        cells = [
            (cell, list(self._windows_of(cell)))
            for cell in self._cells(top, left, height, width)
            if wanted[_shift(cell, top, left)].any()
        ]
        needed = sorted({w for _, windows in cells for w in windows})
        limit = self._memory(height)
        self._compute(needed, limit)
        result = np.zeros((height, width, 3), np.uint8)
        for cell, windows in cells:
            result[_shift(cell, top, left)] = self._blend(cell, windows)
        self._forget(limit)
        return result

    def _cells(
        self, top: int, left: int, height: int, width: int
    ) -> Iterator[tuple[slice, slice]]:
        """Parts of cells that a part of the image consists of."""
        for rows in _parts(self._rows, top, top + height):
            for cols in _parts(self._cols, left, left + width):
                yield rows, cols

    def _windows_of(self, cell: tuple[slice, slice]) -> Iterator[Place]:
        rows, cols = (
            axis.covering(part.start, part.stop, self._support)
            for axis, part in zip((self._rows, self._cols), cell)
        )
        return ((i, j) for i in rows for j in cols)

    def _compute(self, windows: list[Place], limit: int) -> None:
        known = [window for window in windows if window in self._known]
        for window in known:
            self._known.move_to_end(window)
        missing = [window for window in windows if window not in self._known]
        self._forget(max(limit - len(missing), len(known)))
        batch = self.denoiser.settings.tile_batch
        conditions = self._read_conditions(missing)
        for first in range(0, len(missing), batch):
            now = missing[first : first + batch]
            lr = np.stack([conditions.pop(window) for window in now])
            made = self.denoiser.windows(lr, [*map(self._place, now)])
            part = slice(*self._support)
            for window, pixels in zip(now, made):
                self._known[window] = pixels[part, part].copy()

    def _place(self, window: Place) -> Place:
        i, j = window
        return self._rows.start(i), self._cols.start(j)

    def _read_conditions(self, windows: list[Place]) -> dict:
        """Read the source under windows, all neighbours of a row at once."""
        side = self.denoiser.settings.tile // SCALE
        step = self.stride // SCALE
        conditions = {}
        for i, first, last in _runs(windows):
            top, left = (at // SCALE for at in self._place((i, first)))
            width = (last - first) * step + side
            strip = read_reflected(self._source, top, left, side, width)
            for j in range(first, last + 1):
                at = (j - first) * step
                conditions[i, j] = strip[:, at : at + side]
        return conditions

    def _blend(
        self, cell: tuple[slice, slice], windows: list[Place]
    ) -> np.ndarray:
        rows, cols = cell
        shift = self._support[0]
        placed = (
            (
                self._rows.start(i) + shift,
                self._cols.start(j) + shift,
                self._known[i, j],
            )
            for i, j in windows
        )
        region = (
            rows.start,
            cols.start,
            rows.stop - rows.start,
            cols.stop - cols.start,
        )
        return blend(placed, self._weights, region).round().astype(np.uint8)

    def _memory(self, height: int) -> int:
        """How many windows the next rows may need after some were read."""
        first, last = self._support
        rows = (height + last - first - 2) // self.stride + 1
        return rows * self._cols.count

    def _forget(self, limit: int) -> None:
        """Keep so many windows, those that were needed last."""
        while len(self._known) > limit:
            self._known.popitem(last=False)


class JointlyGeneratedImage:
    """The output of a stage whose windows are merged at each step.

    Every pixel depends on all others: whatever part is read first, the whole
    is generated and kept.

    Args:
        source: The condition.
        denoiser: Of the stage.

    Attributes:
        height: In output pixels.
        width: In output pixels.
        stride: From a window to the next.
        denoiser: As given.
    """

    def __init__(self, source: Image, denoiser: Denoiser) -> None:
        self.height = source.height * SCALE
        self.width = source.width * SCALE
        self.stride = denoiser.settings.stride
        self._source = source
        self.denoiser = denoiser
        self._whole: np.ndarray | None = None

    def read(
        self,
        top: int,
        left: int,
        height: int,
        width: int,
        wanted: np.ndarray | None = None,
    ) -> np.ndarray:
        """Read a part: (height, width, 3), uint8. `wanted` saves nothing."""
        if self._whole is None:
            self._whole = self._generate()
        return self._whole[top : top + height, left : left + width]

    def _generate(self) -> np.ndarray:
        settings = self.denoiser.settings
        side = settings.tile // SCALE

        def lr_at(place: Place) -> np.ndarray:
            top, left = (at // SCALE for at in place)
            return read_reflected(self._source, top, left, side, side)

        rows, cols = (
            Axis(size, settings.tile, settings.stride)
            for size in (self.height, self.width)
        )
        return denoise_area(self.denoiser, lr_at, rows, cols)


def overlaps(
    source: Image, denoiser: Denoiser
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Generate windows whole, and take what neighbours both show.

    Args:
        source: The condition.
        denoiser: Of the stage.

    Yields:
        Two parts (tile, tile - stride, 3), uint8, of the same place: of a
        window and of the one to its right.
    """
    settings = denoiser.settings
    tile, stride = settings.tile, settings.stride
    rows, cols = (
        Axis(side * SCALE, tile, stride)
        for side in (source.height, source.width)
    )
    side = tile // SCALE
    for i in range(rows.count):
        before = None
        for j in range(cols.count):
            place = rows.start(i), cols.start(j)
            top, left = (at // SCALE for at in place)
            lr = read_reflected(source, top, left, side, side)
            (now,) = denoiser.windows(lr[None], [place])
            if before is not None:
                yield before[:, stride:], now[:, : tile - stride]
            before = now


def generated(
    source: Image, denoiser: Denoiser
) -> GeneratedImage | JointlyGeneratedImage:
    """Make the output of a stage, as its rule of merging demands."""
    if denoiser.settings.merge in JOINT_RULES:
        return JointlyGeneratedImage(source, denoiser)
    return GeneratedImage(source, denoiser)


def _parts(axis: Axis, low: int, high: int) -> Iterator[slice]:
    for index in axis.cells(low, high):
        first, last = axis.cell(index)
        yield slice(max(first, low), min(last, high))


def _shift(
    cell: tuple[slice, slice], top: int, left: int
) -> tuple[slice, slice]:
    return tuple(
        slice(part.start - start, part.stop - start)
        for part, start in zip(cell, (top, left))
    )


def _runs(windows: list[Place]) -> Iterator[tuple[int, int, int]]:
    """Join sorted windows to runs: a row, its first and last column."""
    run = None
    for i, j in windows:
        if run is not None and (i, j) == (run[0], run[2] + 1):
            run = (i, run[1], j)
            continue
        if run is not None:
            yield run
        run = (i, j, j)
    if run is not None:
        yield run
