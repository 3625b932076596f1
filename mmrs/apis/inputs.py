"""What an inferencer is given: files, folders, lists of them, arrays."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmrs.utils.errors import InputError

EXTENSIONS = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff')

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
        root, sources = _list_path(Path(inputs))
    else:
        is_array = isinstance(inputs, np.ndarray)
        sources = [
            source if isinstance(source, np.ndarray) else Path(source)
            for source in ([inputs] if is_array else inputs)
        ]
        root = _common_folder([s for s in sources if isinstance(s, Path)])
    if not sources:
        raise InputError(
            f'{inputs}: no image to predict; files of these types are read: '
            f'{" ".join(EXTENSIONS)}'
        )
    names = [
        _check_array(source, index)
        if isinstance(source, np.ndarray)
        else source
        for index, source in enumerate(sources)
    ]
    stems = Counter(name.with_suffix('') for name in names)
    return [
        ImageInput(
            name=str(name),
            # a.jpg and a.tif side by side must not overwrite each other.
            stem=os.path.relpath(
                name.with_suffix('')
                if stems[name.with_suffix('')] == 1
                else name,
                root if isinstance(source, Path) else '.',
            ),
            source=source,
        )
        for name, source in zip(names, sources)
    ]


def _list_path(path: Path) -> tuple[Path, list[Path]]:
    if path.is_dir():
        return path, sorted(
            file
            for file in path.rglob('*')
            if file.suffix.lower() in EXTENSIONS
        )
    if not path.is_file():
        raise InputError(f'{path}: no such file or folder')
    return path.parent, [path]


def _common_folder(paths: list[Path]) -> str:
    parents = [os.path.abspath(path.parent) for path in paths]
    return os.path.commonpath(parents) if parents else '.'


def _check_array(array: np.ndarray, index: int) -> Path:
    name = Path(f'array_{index:04d}')
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8:
        raise InputError(
            f'{name}: shape {array.shape} of {array.dtype}; arrays must be '
            '(H, W, 3) of uint8, BGR'
        )
    return name
