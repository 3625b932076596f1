"""Sensors, the names of their bands, and bands found by name.

One table serves data sets and inference. Common names are those of STAC's
extension ``eo`` (github.com/stac-extensions/eo), in its first version, which
numbers the red edges.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from mmrs.errors import BadImageError

from .source import Source

_COLORS = ('red', 'green', 'blue')


@dataclass(frozen=True)
class Sensor:
    """A sensor, or a family of sensors of the same bands.

    Attributes:
        name: As configs and messages call it.
        codes: The code of each band by its common name, in the order of
            products.
        products: Pattern of the names of its products.
    """

    name: str
    codes: dict[str, str]
    products: str

    @property
    def bands(self) -> tuple[str, ...]:
        """Common names of its bands."""
        return tuple(self.codes)

    def common_name(self, code: str) -> str | None:
        """Common name of a band by its code; None: it has no such band."""
        for name, known in self.codes.items():
            if known == _plain_code(code):
                return name
        return None


def _numbered(*names: str) -> dict[str, str]:
    return {name: f'B{n}' for n, name in enumerate(names, 1)}


SENTINEL2 = Sensor(
    'sentinel2',
    dict(
        coastal='B1',
        blue='B2',
        green='B3',
        red='B4',
        rededge1='B5',
        rededge2='B6',
        rededge3='B7',
        nir='B8',
        nir08='B8A',
        nir09='B9',
        cirrus='B10',
        swir16='B11',
        swir22='B12',
    ),
    r'S2[A-D]_|_MSIL[12][AC]_',
)
LANDSAT8 = Sensor(  # OLI and TIRS of Landsat 8 and 9
    'landsat8',
    _numbered(
        'coastal',
        'blue',
        'green',
        'red',
        'nir',
        'swir16',
        'swir22',
        'pan',
        'cirrus',
        'lwir11',
        'lwir12',
    ),
    r'L[COT]0?[89]_?',
)
LANDSAT7 = Sensor(  # ETM+
    'landsat7',
    _numbered(
        'blue', 'green', 'red', 'nir', 'swir16', 'lwir', 'swir22', 'pan'
    ),
    r'LE0?7_?',
)
LANDSAT5 = Sensor(  # TM of Landsat 4 and 5
    'landsat5',
    _numbered('blue', 'green', 'red', 'nir', 'swir16', 'lwir', 'swir22'),
    r'LT0?[45]_?',
)
GAOFEN = Sensor(  # PMS and WFV of GF-1, GF-2 and GF-6
    'gaofen', _numbered('blue', 'green', 'red', 'nir'), r'GF-?[126]_'
)
PLANET4 = Sensor(
    'planet4',
    _numbered('blue', 'green', 'red', 'nir'),
    r'AnalyticMS(?!.*8b)',
)
PLANET8 = Sensor(
    'planet8',
    _numbered(
        'coastal',
        'blue',
        'green05',
        'green',
        'yellow',
        'red',
        'rededge',
        'nir',
    ),
    r'AnalyticMS.*8b',
)
SENSORS = {
    sensor.name: sensor
    for sensor in (
        SENTINEL2,
        LANDSAT8,
        LANDSAT7,
        LANDSAT5,
        GAOFEN,
        PLANET4,
        PLANET8,
    )
}
LANDSAT = (LANDSAT8, LANDSAT7, LANDSAT5)

#: Other words for common names, without spaces, dashes and underscores.
_WORDS = dict(
    aerosol='coastal',
    coastalaerosol='coastal',
    coastalblue='coastal',
    ultrablue='coastal',
    greeni='green05',
    rededge071='rededge1',
    rededge074='rededge2',
    rededge078='rededge3',
    rededge4='nir08',
    vegetationrededge='rededge',
    nearinfrared='nir',
    nearir='nir',
    infrared='nir',
    nir1='nir',
    nirnarrow='nir08',
    narrownir='nir08',
    nir2='nir08',
    watervapour='nir09',
    watervapor='nir09',
    swir1='swir16',
    swir2='swir22',
    tir='lwir',
    thermal='lwir',
    tir1='lwir11',
    tir2='lwir12',
    panchromatic='pan',
)
_COMMON = {name for sensor in SENSORS.values() for name in sensor.codes} | {
    'lwir'
}
_CODE = re.compile(r'^(?:SR_|ST_|TOA_|BOA_)?B(\d{1,2}A?)$', re.IGNORECASE)
_LANDSAT_CODE = re.compile(r'^S[RT]_B\d', re.IGNORECASE)
_PADDED = re.compile(r'^B(0\d|8A)$', re.IGNORECASE)
# Names that number bands and mean nothing.
_NUMBER = re.compile(
    r'^(band|layer|channel|bande|kanal)?[ _:#-]*\d*$', re.IGNORECASE
)


def _plain_code(code: str) -> str:
    """Bring ``'B02'``, ``'b2'`` and ``'SR_B2'`` to ``'B2'``."""
    found = _CODE.match(code.strip())
    return f'B{found[1].lstrip("0").upper()}' if found else code


def sensor_of(product: str) -> Sensor | None:
    """Find the sensor that the name of a product or file tells."""
    # The name of the file itself comes before those of its folders.
    for part in reversed(PurePosixPath(product).parts):
        for sensor in SENSORS.values():
            pattern = rf'(?<![A-Za-z0-9])(?:{sensor.products})'
            if re.search(pattern, part, re.IGNORECASE):
                return sensor
    return None


def common_names(
    names: Sequence[str | None],
    sensor: Sensor | None = None,
    product: str = '',
) -> list[str | None]:
    """Common names of bands, as far as theirs are understood.

    Codes such as ``B4`` stand for other bands on other sensors: whose they
    are is told by the name of the product, by the form of the codes
    (``B04`` and ``B8A`` are Sentinel-2's, ``SR_B4`` Landsat's), or by the
    sensor that is expected. Where these leave it open, codes are not
    understood.

    Args:
        names: As the file describes its bands; None: not.
        sensor: The expected one.
        product: Name of the file or product.
    """
    codes = [name for name in names if name and _CODE.match(name.strip())]
    found = _sensor_of_codes(codes, sensor, product)
    return [_common_name(name, found) for name in names]


def _common_name(name: str | None, sensor: Sensor | None) -> str | None:
    if not name:
        return None
    if _CODE.match(name.strip()):
        return None if sensor is None else sensor.common_name(name)
    # Exports of catalogues write 'B4 (red)', 'Red (B4)' or 'B4 - red'.
    parts = [p.strip() for p in re.split(r'[(),:/]|\s-\s', name)]
    words = [p for p in parts if p and not _CODE.match(p)]
    if len(words) != 1:  # an index or a ratio of bands
        return None
    word = re.sub(r'[\s_-]+', '', words[0].lower())
    word = _WORDS.get(word, word)
    return word if word in _COMMON else None


def _sensor_of_codes(
    codes: Sequence[str], expected: Sensor | None, product: str
) -> Sensor | None:
    by_product = sensor_of(product)
    if by_product is not None or not codes:
        return by_product or expected
    if any(_LANDSAT_CODE.match(code) for code in codes):
        if expected in LANDSAT:
            return expected
        # Only Landsat 8 and 9 have these.
        later = {'B9', 'B10', 'B11'} & set(map(_plain_code, codes))
        return LANDSAT8 if later else None
    if any(_PADDED.match(code) for code in codes):
        if expected is None or expected is SENTINEL2:
            return SENTINEL2
        has_all = all(expected.common_name(code) for code in codes)
        return None if has_all else SENTINEL2
    if expected and all(expected.common_name(code) for code in codes):
        return expected
    return None


def has_names(names: Iterable[str | None]) -> bool:
    """Whether a file names its bands, by more than numbers."""
    return any(name and not _NUMBER.match(name.strip()) for name in names)


def find_bands(
    source: Source,
    wanted: Sequence[str | int],
    file_bands: Sequence[str] = (),
    sensor: Sensor | None = None,
) -> list[int]:
    """Find the bands that a network takes in an image.

    By their names as far as the image has any; by their place only where it
    has none, which is then noted in ``source.notes``.

    Args:
        source: The image.
        wanted: Bands to take, in their order: names, or numbers from 0.
        file_bands: Names of the bands of the files that the network was
            trained on, in their order, for images without names.
        sensor: The expected one.

    Returns:
        The number of each band in the image.

    Raises:
        BadImageError: A band is missing, names are not understood, the count
            tells no order, or the file marks a band as another colour.
    """
    names = list(source.all_bands)
    if all(isinstance(band, int) for band in wanted):
        if wanted and max(wanted) >= len(names):
            raise BadImageError(
                f'{source.name}: has no band {max(wanted)}: it has '
                f'{len(names)}, counted from 0'
            )
        return list(wanted)
    if has_names(names) and len(names) == len(file_bands):
        names = _fill_in(names, file_bands, sensor, source.name)
    found = _by_name(names, wanted, sensor, source.name)
    if None not in found:
        by_place = [n for n in found if source.all_bands[n] is None]
        if by_place:
            _check_colors(source, wanted, found)
            shown = ', '.join(f'{names[n]} ({n + 1})' for n in by_place)
            source.notes.append(
                f'some of its bands have no names; taken by their place: '
                f'{shown}'
            )
        return found
    if has_names(names):
        raise _not_found(source, wanted, found, sensor)
    if set(wanted) <= set(_COLORS) <= set(source.colors):
        return [source.colors.index(band) for band in wanted]
    numbers = _by_place(source, wanted, file_bands)
    _check_colors(source, wanted, numbers)
    source.notes.append(
        f'its bands have no names; taken as {_listed(wanted)} by their place '
        f'({", ".join(str(number + 1) for number in numbers)})'
    )
    return numbers


def _fill_in(
    names: Sequence[str | None],
    file_bands: Sequence[str],
    sensor: Sensor | None,
    product: str,
) -> list[str | None]:
    """Name the unnamed bands, among named ones, by their place."""
    known = {*common_names(names, sensor, product), *names}
    return [
        own if name is None and own not in known else name
        for name, own in zip(names, file_bands)
    ]


def _by_name(
    names: Sequence[str | None],
    wanted: Sequence[str | int],
    sensor: Sensor | None,
    product: str,
) -> list[int | None]:
    exact = _numbers(name and name.strip().lower() for name in names)
    common = _numbers(common_names(names, sensor, product))
    found = []
    for band in wanted:
        if isinstance(band, int):
            found.append(band if band < len(names) else None)
            continue
        number = None
        if not _CODE.match(band):  # codes may be another sensor's
            number = exact.get(band.lower())
        if number is None:
            (name,) = common_names([band], sensor)
            number = common.get(name or band.lower())
        if number is None:
            number = exact.get(band.lower())
        found.append(number)
    return found


def _numbers(names: Iterable[str | None]) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for number, name in enumerate(names):
        if name:
            numbers.setdefault(name, number)
    return numbers


def _not_found(
    source: Source,
    wanted: Sequence[str | int],
    found: Sequence[int | None],
    sensor: Sensor | None,
) -> BadImageError:
    names = source.all_bands
    common = common_names(names, sensor, source.name)
    unknown = [n for n, c in zip(names, common) if n and c is None]
    reason = ''
    if unknown:
        reason = f'; not understood: {_listed(unknown)}'
    return BadImageError(
        f'{source.name}: has no band {wanted[found.index(None)]!r}, which '
        f'the model takes ({_listed(wanted)}), but {_listed(names)}{reason}; '
        'name the bands of the file in its order by file_bands'
    )


def _by_place(
    source: Source, wanted: Sequence[str | int], file_bands: Sequence[str]
) -> list[int]:
    count = len(source.all_bands)
    if count == len(file_bands):
        for band in wanted:
            if band not in file_bands:
                raise BadImageError(
                    f'{source.name}: has no band {band!r}, but '
                    f'{_listed(file_bands)}; set bands of LoadBands or of '
                    'the data set'
                )
        return [list(file_bands).index(band) for band in wanted]
    if count == len(wanted):
        return list(range(count))
    raise BadImageError(
        f'{source.name}: has {count} band(s) without names, but the model '
        f'takes {len(wanted)} ({_listed(wanted)}); name the bands of the '
        'file in its order by file_bands'
    )


def _check_colors(
    source: Source, wanted: Sequence[str | int], numbers: Sequence[int]
) -> None:
    for band, number in zip(wanted, numbers):
        color = source.colors[number]
        if color is not None and band in _COLORS and color != band:
            raise BadImageError(
                f'{source.name}: its band {number + 1} is {color}, as the '
                f'file says, but the model takes {_listed(wanted)}; name the '
                'bands of the file in its order by file_bands'
            )


def _listed(bands: Sequence[str | int | None]) -> str:
    return ', '.join('unnamed' if b is None else str(b) for b in bands)
