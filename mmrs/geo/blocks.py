"""Decoded blocks of files that are slow to decode, kept for all threads."""

import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from .tiles import Window


class BlockCache:
    """Blocks of one file, decoded once for all windows that touch them.

    GDAL keeps blocks for each handle, and each thread has its own; JPEG 2000
    would be decoded again for each thread, and for each tile of a row.

    Args:
        capacity: Bytes to keep, at least those of one window.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._blocks: OrderedDict[tuple, np.ndarray] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()
        self._busy: dict[tuple, threading.Lock] = {}
        self.decoded = 0  # blocks so far

    def read(
        self, handle, indexes: Sequence[int], window: Window
    ) -> np.ndarray:
        """Read bands of a window: (bands, height, width).

        Args:
            handle: The raster, opened by the thread that reads.
            indexes: Of bands, from 1.
            window: In px, inside the raster.
        """
        high, wide = handle.block_shapes[indexes[0] - 1]
        dtype = handle.dtypes[indexes[0] - 1]
        row, col, height, width = window
        found = np.empty((len(indexes), height, width), dtype)
        for layer, index in enumerate(indexes):
            for i in range(row // high, -(-(row + height) // high)):
                for j in range(col // wide, -(-(col + width) // wide)):
                    block = self._block(handle, index, i, j)
                    own, there = _meet(i * high, block.shape[0], row, height)
                    own_x, there_x = _meet(
                        j * wide, block.shape[1], col, width
                    )
                    found[layer, there, there_x] = block[own, own_x]
        return found

    def _block(self, handle, index: int, i: int, j: int) -> np.ndarray:
        key = (index, i, j)
        with self._lock:
            busy = self._busy.setdefault(key, threading.Lock())
        with busy:  # another thread may be decoding it
            with self._lock:
                if key in self._blocks:
                    self._blocks.move_to_end(key)
                    return self._blocks[key]
            block = handle.read(index, window=handle.block_window(index, i, j))
            with self._lock:
                self.decoded += 1
                self._blocks[key] = block
                self._size += block.nbytes
                while self._size > self._capacity and len(self._blocks) > 1:
                    old, gone = self._blocks.popitem(last=False)
                    self._size -= gone.nbytes
                    self._busy.pop(old, None)
        return block


def _meet(
    start: int, length: int, first: int, wanted: int
) -> tuple[slice, slice]:
    """What a block shares with a window, as each of them counts it."""
    low, high = max(start, first), min(start + length, first + wanted)
    return slice(low - start, high - start), slice(low - first, high - first)
