"""Predicts a scene of any size, tile by tile."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, NamedTuple

import numpy as np

from mmrs.errors import InputError
from mmrs.geo.source import Source
from mmrs.geo.tiles import Tile, TileGrid

from ..progress import progress_bar
from .band import RollingBand
from .sink import Sink

Prepare = Callable[[np.ndarray, np.ndarray | None], Any]
Predict = Callable[[list], np.ndarray]


class SceneRun(NamedTuple):
    """What was done.

    Attributes:
        predicted: Tiles that the network saw.
        empty: Tiles without a pixel of data, which it did not see.
        resumed: Rows of pixels that an earlier run had finished.
    """

    predicted: int
    empty: int
    resumed: int


class _Loaded(NamedTuple):
    """A tile that was read; `inputs` is None where it has no data."""

    tile: Tile
    inputs: Any
    valid: np.ndarray | None


def predict_scene(
    source: Source,
    predict: Predict,
    channels: int,
    sinks: Sequence[Sink],
    tile: int = 512,
    overlap: int = 128,
    weights: str = 'hann',
    prepare: Prepare | None = None,
    finish: Callable[[np.ndarray], np.ndarray] | None = None,
    batch_size: int = 4,
    num_workers: int = 2,
    title: str = 'Predicting',
    show_progress: bool = True,
) -> SceneRun:
    """Predict a scene, blend what tiles say of the same pixel, hand on rows.

    Where tiles overlap, their values are averaged by the weights of
    :class:`TileGrid`, in float32 and in the order of the tiles. So the result
    is the same to the bit for any `batch_size` and `num_workers`, as far as
    `predict` gives a tile the same values whatever else is in its batch.
    (Networks do not quite: matrices of other sizes are multiplied in another
    order. See :class:`~mmrs.apis.CloudInferencer`.)

    Memory: ``channels * tile * W`` float32 values for the sums, and about
    ``2 * batch_size + num_workers`` tiles; nothing grows with the height.

    Args:
        source: The scene.
        predict: Gives the values (B, channels, tile, tile), float32, of a
            list of B tiles.
        channels: Values a pixel.
        sinks: Receive finished rows, from the top to the bottom. Rows that
            all of them have already are not predicted again.
        tile: Side of the tiles in px. A scene that is smaller is continued
            by its mirror image, so that tiles always have this size.
        overlap: Of neighbouring tiles in px, at least.
        weights: How tiles are blended: ``'hann'``, ``'flat'`` or
            ``'centre'``.
        prepare: Makes the input of `predict` of the pixels (tile, tile,
            bands) of a tile and of the mask of those that have data (tile,
            tile), or None where all have. It runs in the reading threads.
            None: `predict` receives the pixels.
        finish: Maps averaged rows (channels, rows, W) to those that the
            sinks get, e.g. logits to probabilities.
        batch_size: Tiles handed to `predict` at once.
        num_workers: Threads that read and prepare. 0: the calling one.
        title: Said beside the progress bar.
        show_progress: Show a bar with the time left.

    Returns:
        How many tiles were predicted. Tiles without data are not.

    Raises:
        InputError: A tile cannot be read; the message names its window.
        RuntimeError: Something else failed at a tile; likewise.
    """
    grid = TileGrid(source.shape, tile, overlap, weights)
    start = min(sink.rows for sink in sinks)
    tiles = [t for t in grid if t.y + grid.height > start]
    predicted = 0

    def load(place: Tile) -> _Loaded:
        try:
            return _load(source, grid, place, prepare)
        except Exception as error:
            raise _at([place], grid, source, error) from error

    def rows_out(rows: tuple[int, np.ndarray, np.ndarray]) -> None:
        y, values, valid = rows
        known = max(start - y, 0)
        values, valid = values[:, known:], valid[known:]
        if len(valid):
            values = values if finish is None else finish(values)
            for sink in sinks:
                sink.write(y + known, values, valid)

    if tiles:
        band = RollingBand(grid, channels, tiles[0].y)
    with (
        source.opened(tile, num_workers),
        # An error must wait for the readers, whose files are closed then.
        closing(_read_ahead(tiles, load, num_workers, batch_size)) as loaded,
        progress_bar(show_progress) as progress,
    ):
        task = progress.add_task(
            title, total=len(grid), completed=len(grid) - len(tiles)
        )
        for batch in _batches(loaded, batch_size):
            values = _predict(batch, predict, grid, source, channels)
            for found in batch:
                if found.tile.y > band.y:
                    rows_out(band.move(found.tile.y))
                if found.inputs is not None:
                    band.add(found.tile, next(values), found.valid)
                    predicted += 1
            progress.advance(task, len(batch))
        if tiles:
            rows_out(band.move(source.shape[0]))
    return SceneRun(predicted, len(tiles) - predicted, start)


def _load(
    source: Source, grid: TileGrid, place: Tile, prepare: Prepare | None
) -> _Loaded:
    pixels, valid = source.read(grid.window(place))
    if valid is not None and not valid.any():
        return _Loaded(place, None, valid)
    inputs, mask = _mirror(pixels, grid.side), _mirror(valid, grid.side)
    if prepare is not None:
        inputs = prepare(inputs, mask)
    return _Loaded(place, inputs, valid)


def _mirror(array: np.ndarray | None, side: int) -> np.ndarray | None:
    """Continue an array to `side` px at the right and the bottom."""
    if array is None or array.shape[:2] == (side, side):
        return array
    lacking = [(0, side - length) for length in array.shape[:2]]
    lacking += [(0, 0)] * (array.ndim - 2)
    return np.pad(array, lacking, mode='symmetric')


def _read_ahead(
    tiles: Iterable[Tile],
    load: Callable[[Tile], _Loaded],
    num_workers: int,
    batch_size: int,
) -> Iterator[_Loaded]:
    """Load tiles in threads, in order, some of them before they are asked."""
    if num_workers == 0:
        yield from map(load, tiles)
        return
    pool = ThreadPoolExecutor(num_workers)
    pending = deque()
    try:
        for tile in tiles:
            pending.append(pool.submit(load, tile))
            if len(pending) > num_workers + batch_size:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _batches(
    loaded: Iterable[_Loaded], batch_size: int
) -> Iterator[list[_Loaded]]:
    """Gather tiles until `batch_size` of them have data."""
    batch, full = [], 0
    for found in loaded:
        batch.append(found)
        full += found.inputs is not None
        # Tiles without data wait for the others, but not without end.
        if full == batch_size or len(batch) >= 4 * batch_size:
            yield batch
            batch, full = [], 0
    if batch:
        yield batch


def _predict(
    batch: list[_Loaded],
    predict: Predict,
    grid: TileGrid,
    source: Source,
    channels: int,
) -> Iterator[np.ndarray]:
    """Values (channels, height, width) of each tile that has data."""
    full = [found for found in batch if found.inputs is not None]
    if not full:
        return iter(())
    try:
        values = predict([found.inputs for found in full])
    except Exception as error:
        places = [found.tile for found in full]
        raise _at(places, grid, source, error) from error
    expected = (len(full), channels, grid.side, grid.side)
    if values.shape != expected:
        raise InputError(
            f'{source.name}: the model gives values of shape '
            f'{tuple(values.shape)} for a batch, but {expected} is expected '
            '(tiles, classes, height, width); correct the number of classes'
        )
    return iter(values[..., : grid.height, : grid.width])


def _at(
    tiles: Sequence[Tile], grid: TileGrid, source: Source, error: Exception
) -> Exception:
    """Make an error that says where another one happened."""
    kind = type(error) if isinstance(error, InputError) else RuntimeError
    places = ', '.join(f'row {t.y} column {t.x}' for t in tiles)
    reason = str(error) or type(error).__name__
    if kind is RuntimeError and not isinstance(error, RuntimeError):
        reason = f'{type(error).__name__}: {reason}'
    return kind(
        f'{source.name}: the tile(s) of {grid.width} x {grid.height} px at '
        f'{places}: {reason}'
    )
