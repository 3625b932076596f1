"""Where the finished rows of a scene go."""

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mmrs.geo.row_file import RowFile

#: Stored probability of 1; 255 is left for pixels without data.
TOP = 254


class Sink(ABC):
    """Takes finished rows from the top of a scene to its bottom."""

    @property
    def rows(self) -> int:
        """How many rows it has already, from an earlier run."""
        return 0

    @abstractmethod
    def write(self, y: int, values: np.ndarray, valid: np.ndarray) -> None:
        """Take rows.

        Args:
            y: The first of them. Rows that the sink has may come again.
            values: (channels, rows, W), float32.
            valid: Where there are data, (rows, W) bool.
        """


class ArraySink(Sink):
    """Keeps all rows in memory.

    Args:
        shape: Height and width of the scene in px.
        channels: Values a pixel.

    Attributes:
        values: (channels, H, W), float32.
        valid: (H, W), bool.
    """

    def __init__(self, shape: tuple[int, int], channels: int) -> None:
        self.values = np.zeros((channels, *shape), np.float32)
        self.valid = np.zeros(shape, bool)

    def write(self, y: int, values: np.ndarray, valid: np.ndarray) -> None:
        """Keep rows."""
        self.values[:, y : y + len(valid)] = values
        self.valid[y : y + len(valid)] = valid


class ClassSink(Sink):
    """Writes the most probable class of each pixel, and probabilities.

    A run that is broken off goes on where it was, if it has the same
    `signature`: finished rows are kept in the folder.

    Args:
        folder: Receives ``classes.rows``, ``probabilities.rows`` and
            ``state.json``.
        shape: Height and width of the scene in px.
        channels: How many classes there are.
        probabilities: Keep the probability of each class, too.
        signature: All that the result depends on, as JSON can hold it.
            None: begin anew.

    Attributes:
        classes: Class of each pixel; uint8, or uint16 for more than 255
            classes. Pixels without data have the highest value of the type.
        probabilities: 0 to :data:`TOP` stand for 0 to 1, uint8; 255: no
            data. None if they are not kept.
    """

    def __init__(
        self,
        folder: str | Path,
        shape: tuple[int, int],
        channels: int,
        probabilities: bool = False,
        signature: Mapping | None = None,
    ) -> None:
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        dtype = class_type(channels)
        self.nodata = int(np.iinfo(dtype).max)
        self.classes = RowFile(folder / 'classes.rows', shape, dtype)
        self.probabilities = None
        if probabilities:
            path = folder / 'probabilities.rows'
            self.probabilities = RowFile(path, shape, np.uint8, channels)
        self._state = folder / 'state.json'
        self._signature = json.dumps(signature)
        self._rows = self._rows_of_earlier_run(signature)

    @property
    def rows(self) -> int:
        """How many rows are finished."""
        return self._rows

    def write(self, y: int, values: np.ndarray, valid: np.ndarray) -> None:
        """Write rows, and note them as finished."""
        classes = values.argmax(axis=0).astype(self.classes.dtype)
        classes[~valid] = self.nodata
        self.classes.write(y, classes[None])
        if self.probabilities is not None:
            stored = np.rint(TOP * np.where(valid, values, 0)).clip(0, TOP)
            stored[:, ~valid] = 255
            self.probabilities.write(y, stored)
        self._rows = y + len(valid)
        state = dict(rows=self._rows, signature=self._signature)
        partial = self._state.with_suffix('.part')
        partial.write_text(json.dumps(state))
        os.replace(partial, self._state)

    def _rows_of_earlier_run(self, signature: Mapping | None) -> int:
        files = [self.classes, self.probabilities]
        files = [file for file in files if file is not None]
        if signature is not None and self._state.is_file():
            state = json.loads(self._state.read_text())
            if state['signature'] == self._signature:
                return min(state['rows'], *(file.rows for file in files))
        for file in files:
            file.path.unlink(missing_ok=True)
        return 0


def class_type(channels: int) -> type:
    """Type of a class map: the highest value is left for no data."""
    return np.uint8 if channels <= 255 else np.uint16
