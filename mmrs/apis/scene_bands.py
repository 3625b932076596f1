"""Finds the bands that a network takes in a file."""

from collections.abc import Sequence

from mmrs.errors import BadImageError
from mmrs.geo.source import Source

_COLORS = ('red', 'green', 'blue')


def find_bands(
    source: Source,
    wanted: Sequence[str | int],
    file_bands: Sequence[str] = (),
    codes: Sequence[str] = (),
) -> list[int]:
    """Find bands by their names, or, in files without names, by their place.

    Args:
        source: The scene.
        wanted: Bands that the network takes, in its order.
        file_bands: Names of the bands of the files that it was trained on,
            in their order.
        codes: Other names of these, such as ``'B4'``.

    Returns:
        The number of each band in the scene.

    Raises:
        BadImageError: A band is missing, their count tells no order, or the
            file says that a band has another colour.
    """
    known = _numbers(source.all_bands)
    aliases = dict(zip(map(str.lower, file_bands), codes))
    names = [str(band).lower() for band in wanted]
    found = [
        known.get(name, known.get(aliases.get(name, name).lower()))
        for name in names
    ]
    if None not in found:
        return found
    familiar = {*names, *file_bands, *(code.lower() for code in codes)}
    if familiar & known.keys():
        lacking = wanted[found.index(None)]
        raise BadImageError(
            f'{source.name}: has no band {lacking!r}, which the model takes '
            f'({_told(wanted)}), but {_told(source.all_bands)}; name the '
            'bands of the file in its order by file_bands'
        )
    numbers = _by_count(source, wanted, file_bands)
    _check_colors(source, wanted, numbers)
    return numbers


def _numbers(names: Sequence[str | None]) -> dict[str, int]:
    numbers = {}
    for number, name in enumerate(names):
        if name:
            numbers.setdefault(name.lower(), number)
    return numbers


def _by_count(
    source: Source, wanted: Sequence[str | int], file_bands: Sequence[str]
) -> list[int]:
    count = len(source.all_bands)
    if all(isinstance(band, int) for band in wanted) and max(wanted) < count:
        return list(wanted)
    if count == len(wanted):
        return list(range(count))
    if count == len(file_bands) and {*wanted} <= {*file_bands}:
        return [list(file_bands).index(band) for band in wanted]
    raise BadImageError(
        f'{source.name}: has {count} band(s) without names that are known, '
        f'but the model takes {len(wanted)} ({_told(wanted)}); name the '
        'bands of the file in its order by file_bands'
    )


def _check_colors(
    source: Source, wanted: Sequence[str | int], numbers: Sequence[int]
) -> None:
    for band, number in zip(wanted, numbers):
        color = source.colors[number]
        if color is not None and band in _COLORS and color != band:
            raise BadImageError(
                f'{source.name}: its band {number + 1} is {color}, as the '
                f'file says, but the model takes {_told(wanted)}; name the '
                'bands of the file in its order by file_bands'
            )


def _told(bands: Sequence[str | int | None]) -> str:
    return ', '.join('unnamed' if b is None else str(b) for b in bands)
