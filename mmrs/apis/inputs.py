"""What an inferencer is given: a file, a folder, arrays, or a list."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmrs.utils.errors import InputError
from mmrs.utils.files import IMAGE_EXTENSIONS, is_image

Inputs = str | Path | np.ndarray | Sequence[str | Path | np.ndarray]


@dataclass(frozen=True)
class ImageInput:
    """One image to be predicted.

    Attributes:
        name: Says which image it is: a path, or ``array_0000``.
        stem: The path of its results below an output folder, no suffix.
        source: The file or the pixels.
    """

    name: str
    stem: str
    source: Path | np.ndarray


def list_inputs(inputs: Inputs) -> list[ImageInput]:
    """List images; a folder gives all its image files, subfolders included.

    Args:
        inputs: A file, a folder, an array (H, W, 3) of BGR uint8, or a list
            of files and arrays.

    Raises:
        InputError: A single path does not exist, there is no image, or an
            array is of another shape or type.
    """
    if isinstance(inputs, str | Path):
        sources = _list_path(Path(inputs))
    elif isinstance(inputs, np.ndarray):
        sources = [inputs]
    else:
        sources = [s if isinstance(s, np.ndarray) else Path(s) for s in inputs]
    if not sources:
        raise InputError(
            f'{inputs}: no image to predict; files of these types are read: '
            f'{" ".join(IMAGE_EXTENSIONS)}'
        )
    stems = _result_stems({s for s in sources if isinstance(s, Path)})
    return [
        ImageInput(str(source), stems[source], source)
        if isinstance(source, Path)
        else _array_input(source, index)
        for index, source in enumerate(sources)
    ]


def _list_path(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(filter(is_image, path.rglob('*')))
    if not path.is_file():
        raise InputError(f'{path}: no such file or folder')
    return [path]


def _result_stems(files: set[Path]) -> dict[Path, str]:
    """Name the results as the files are, below their common folder."""
    if not files:
        return {}
    root = os.path.commonpath([os.path.abspath(f.parent) for f in files])
    shared = Counter(file.with_suffix('') for file in files)
    # a.jpg and a.tif side by side must not overwrite each other's results.
    names = {
        file: file
        if shared[file.with_suffix('')] > 1
        else file.with_suffix('')
        for file in files
    }
    return {file: os.path.relpath(name, root) for file, name in names.items()}


def _array_input(array: np.ndarray, index: int) -> ImageInput:
    name = f'array_{index:04d}'
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8:
        raise InputError(
            f'{name}: shape {array.shape} of {array.dtype}; arrays must be '
            '(H, W, 3) of uint8, BGR'
        )
    return ImageInput(name, name, array)
