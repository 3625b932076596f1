"""What an inferencer is given: files, folders, arrays, lists or pairs."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmrs.errors import InputError
from mmrs.geo.opening import Location, as_location, is_address, stem_of
from mmrs.utils.files import IMAGE_EXTENSIONS, is_image

Source = Location | np.ndarray
Inputs = Source | Sequence[Source]
Pair = tuple[Source, Source]
PairInputs = Pair | Sequence[Pair]


@dataclass(frozen=True)
class ImageInput:
    """One image to be predicted.

    Attributes:
        name: Says which image it is: a path, or ``array_0000``.
        stem: The path of its results below an output folder, no suffix.
        source: The file, its address, or the pixels.
    """

    name: str
    stem: str
    source: Location | np.ndarray


@dataclass(frozen=True)
class PairInput:
    """Two images of one place, to be compared.

    Attributes:
        name: Says which pair it is: both paths, or ``pair_0000``.
        stem: The path of its results below an output folder, no suffix.
        sources: The files or the pixels, the earlier date first.
    """

    name: str
    stem: str
    sources: tuple[Location, Location] | tuple[np.ndarray, np.ndarray]


def list_inputs(inputs: Inputs, any_bands: bool = False) -> list[ImageInput]:
    """List images; a folder gives all its image files, subfolders included.

    Args:
        inputs: A file, a folder, an array (H, W, 3) of BGR uint8, or a list
            of files and arrays.
        any_bands: Arrays may have any number of bands, of any type.

    Raises:
        InputError: A single path does not exist, there is no image, or an
            array is of another shape or type.
    """
    if isinstance(inputs, str | Path):
        sources = _list_path(as_location(inputs))
    elif isinstance(inputs, np.ndarray):
        sources = [inputs]
    else:
        sources = [
            s if isinstance(s, np.ndarray) else as_location(s) for s in inputs
        ]
    if not sources:
        raise InputError(
            f'{inputs}: no image to predict; files of these types are read: '
            f'{" ".join(IMAGE_EXTENSIONS)}'
        )
    stems = _result_stems({s for s in sources if isinstance(s, Path)})
    return [
        _array_input(source, index, any_bands)
        if isinstance(source, np.ndarray)
        else ImageInput(
            str(source), stems.get(source) or stem_of(source), source
        )
        for index, source in enumerate(sources)
    ]


def _list_path(path: Location) -> list[Location]:
    if is_address(path):
        return [path]
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


def _array_input(array: np.ndarray, index: int, any_bands: bool) -> ImageInput:
    name = f'array_{index:04d}'
    if not any_bands and (
        array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8
    ):
        raise InputError(
            f'{name}: shape {array.shape} of {array.dtype}; arrays must be '
            '(H, W, 3) of uint8, BGR'
        )
    return ImageInput(name, name, array)


def list_pairs(inputs: PairInputs) -> list[PairInput]:
    """List pairs of images; two folders give those of equal file names.

    A file that has no partner in the other folder is listed, too: reading
    it says which one is missing.

    Args:
        inputs: Two files, two folders (with their subfolders), or two arrays
            (H, W, bands) of uint8 or float32, the earlier date first; or a
            list of such pairs.

    Raises:
        InputError: It is no pair, its two are of different kinds, a single
            path does not exist, or two folders share no file name.
    """
    if isinstance(inputs, str | Path | np.ndarray):
        raise InputError(
            f'{_shown(inputs)}: changes are found between two dates; give a '
            'pair (earlier, later) of files, folders or arrays'
        )
    is_single = len(inputs) == 2 and all(
        isinstance(source, str | Path | np.ndarray) for source in inputs
    )
    pairs = [inputs] if is_single else inputs
    if is_single:
        _check_exist(inputs)
    found = [
        sources
        for index, pair in enumerate(pairs)
        for sources in _list_pair(pair, index)
    ]
    if not found:
        raise InputError('the list of pairs is empty: nothing to predict')
    files = {first for first, _ in found if isinstance(first, Path)}
    return _name_pairs(found, _result_stems(files))


def _shown(source: object) -> str:
    return 'array' if isinstance(source, np.ndarray) else str(source)


def _check_exist(pair: Pair) -> None:
    for source in pair:
        if isinstance(source, np.ndarray) or is_address(source):
            continue
        if not Path(source).exists():
            raise InputError(f'{source}: no such file or folder')


def _list_pair(
    pair: Pair, index: int
) -> list[tuple[Path, Path]] | list[tuple[np.ndarray, np.ndarray]]:
    if not isinstance(pair, Sequence) or len(pair) != 2:
        raise InputError(
            f'pair {index} is {_shown(pair)}; give two files, two folders '
            'or two arrays, the earlier date first'
        )
    if all(isinstance(source, np.ndarray) for source in pair):
        _check_arrays(pair, index)
        return [tuple(pair)]
    if not all(isinstance(source, str | Path) for source in pair):
        raise InputError(
            f'pair {index}: one date is a path and the other is none; give '
            'two files, two folders or two arrays'
        )
    earlier, later = map(as_location, pair)
    if is_address(earlier) or is_address(later):
        return [(earlier, later)]
    if earlier.is_dir() != later.is_dir():
        raise InputError(
            f'{earlier} and {later}: one is a folder and the other is none; '
            'give two files, or two folders of equal file names'
        )
    if earlier.is_dir():
        return _match_folders(earlier, later)
    return [(earlier, later)]


def _check_arrays(pair: Sequence[np.ndarray], index: int) -> None:
    kinds = [(array.shape, str(array.dtype)) for array in pair]
    (shape, dtype), _ = kinds
    if (
        kinds[0] != kinds[1]
        or len(shape) != 3
        or dtype not in ('uint8', 'float32')
    ):
        shown = ' and '.join(f'{s} of {d}' for s, d in kinds)
        raise InputError(
            f'pair {index}: shapes {shown}; both arrays must be (H, W, '
            'bands) of the same size, uint8 or float32'
        )


def _match_folders(earlier: Path, later: Path) -> list[tuple[Path, Path]]:
    names = [
        {path.relative_to(folder) for path in _list_path(folder)}
        for folder in (earlier, later)
    ]
    if not names[0] & names[1]:
        raise InputError(
            f'{earlier} and {later}: no file name is in both; the two dates '
            'of a place must be called alike'
        )
    every = sorted(names[0] | names[1])
    return [(earlier / name, later / name) for name in every]


def _name_pairs(found: list[tuple], stems: dict[Path, str]) -> list[PairInput]:
    """Name the results of each pair as its earlier image, once each."""
    taken, pairs = Counter(), []
    for index, (first, second) in enumerate(found):
        name = stem = f'pair_{index:04d}'
        if not isinstance(first, np.ndarray):
            name = f'{first} and {second}'
            stem = stems.get(first) or stem_of(first)
        taken[stem] += 1
        if taken[stem] > 1:  # compared with a third date
            stem = f'{stem}_{taken[stem]}'
        pairs.append(PairInput(name, stem, (first, second)))
    return pairs
