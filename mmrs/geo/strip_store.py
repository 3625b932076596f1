"""Finished rows on disk, so that a run that ended early goes on."""

import errno
import io
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from mmrs.errors import InputError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class StripStore:
    """Strips of an image as lossless files in a folder beside it.

    A strip appears under its name when it is complete. Processes on machines
    that share the disk may fill one store together.

    Args:
        path: The image that the strips are for; the folder is called
            ``PATH.parts``.
        count: How many strips there are.
    """

    def __init__(self, path: Path, count: int) -> None:
        self.folder = path.with_name(f'{path.name}.parts')
        self.count = count

    def open(self, settings: dict) -> None:
        """Make the folder, or check that it holds strips of the same run.

        Args:
            settings: All that the pixels depend on, as JSON can tell it.

        Raises:
            InputError: There are strips of other settings.
        """
        settings = json.loads(json.dumps(settings))
        state = self.folder / 'state.json'
        if state.is_file():
            known = json.loads(state.read_text())
            names = sorted(known | settings)
            other = [
                name for name in names if known.get(name) != settings.get(name)
            ]
            if other:
                raise InputError(
                    f'{self.folder}: holds rows of a run with another '
                    f'{", ".join(other)}; finish that run, or remove the '
                    'folder'
                )
            return
        with self._guard():
            self.folder.mkdir(parents=True, exist_ok=True)
            made = state.with_suffix('.tmp')
            made.write_text(json.dumps(settings, indent=2) + '\n')
            os.replace(made, state)

    def missing(self) -> list[int]:
        """Numbers of the strips that are not there yet."""
        return [i for i in range(self.count) if not self._path(i).is_file()]

    def save(self, index: int, pixels: np.ndarray) -> None:
        """Keep a strip.

        Args:
            index: Its number.
            pixels: (H, W, 3), uint8.

        Raises:
            InputError: The disk is full.
        """
        from PIL import Image

        packed = io.BytesIO()
        Image.fromarray(pixels).save(packed, 'png', compress_level=1)
        made = self.folder / f'{index}.tmp'
        with self._guard():
            try:
                made.write_bytes(packed.getbuffer())
                os.replace(made, self._path(index))
            finally:
                made.unlink(missing_ok=True)

    def load(self, index: int) -> np.ndarray:
        """Read a strip: (H, W, 3), uint8."""
        from PIL import Image

        with Image.open(self._path(index)) as image:
            return np.array(image)

    def remove(self) -> None:
        """Remove all strips, once the image is complete."""
        shutil.rmtree(self.folder)

    def _path(self, index: int) -> Path:
        return self.folder / f'{index:06}.png'

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno not in _FULL:
                raise
            done = self.count - len(self.missing())
            raise InputError(
                f'{self.folder}: the disk is full ({error.strerror}); {done} '
                f'of {self.count} strips are kept: make room and run the '
                'same command again'
            ) from error
