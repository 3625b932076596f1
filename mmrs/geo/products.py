"""Scenes as they are delivered: products of single-band files.

Known are Sentinel-2's SAFE (a folder or a zip), Landsat's folders and
archives, STAC items, and any folder with one file a band.
"""

import json
import re
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

from mmrs.errors import BadImageError

from .opening import Location, is_address
from .sensors import LANDSAT, SENTINEL2, Sensor, common_names, sensor_of
from .source import Unit

_RASTERS = ('.tif', '.tiff', '.jp2', '.img', '.vrt')
_ARCHIVES = ('.zip', '.tar', '.tgz', '.tar.gz')
_SAFE_BAND = re.compile(r'_(B\d[\dA])(?:_(\d\d)m)?\.jp2$', re.IGNORECASE)
_BAND_STEM = re.compile(
    r'^(?P<scene>.*?)(?:^|[_.\- ])'
    r'(?P<band>(?:SR_|ST_|TOA_|BOA_)?B\d{1,2}A?|blue|green|red|nir|nir08|'
    r'coastal|cirrus|pan|rededge[1-4]?|swir\d{1,2}|lwir\d{0,2})$',
    re.IGNORECASE,
)
_OFFSETS = ('RADIO_ADD_OFFSET', 'BOA_ADD_OFFSET')
_QUANTIFICATIONS = ('QUANTIFICATION_VALUE', 'BOA_QUANTIFICATION_VALUE')
_BASELINE = re.compile(r'_N(\d{4})_')
_RAISED_SINCE, _RAISED = 400, 1000  # baseline 04.00, January 2022
# Landsat Collection 2 Level 2 (USGS LSDS-1619, table 5-1 and 5-2).
_LANDSAT_SR, _LANDSAT_ST = Unit(2.75e-5, -0.2), Unit(0.00341802, 149.0)


@dataclass
class Product:
    """A scene of single-band files.

    Attributes:
        name: The scene in messages.
        stem: Its name without folders and extensions.
        files: The file of each band, by the name of the band.
        units: What stored values stand for, by band; empty: unknown.
        nodata: Value without meaning, of all bands or by band; None: as the
            files say.
        sensor: Whose it is, if known.
        notes: What a user should know.
    """

    name: str
    stem: str
    files: dict[str, Location]
    units: dict[str, Unit] = field(default_factory=dict)
    nodata: float | dict[str, float] | None = None
    sensor: Sensor | None = None
    notes: list[str] = field(default_factory=list)


def find_product(location: Location) -> Product | None:
    """Find what a folder, an archive or a STAC item delivers.

    Args:
        location: Of a single scene; a folder of several is none.

    Returns:
        The product; None where this is none that is known.

    Raises:
        BadImageError: It is one, but broken; or an archive of other things.
    """
    if is_address(location):
        return None
    path = Path(location)
    if path.is_file() and path.suffix.lower() in ('.json', '.geojson'):
        return _read_stac(path)
    tree = _open_tree(path)
    if tree is None:
        return None
    products = tree.folders('.safe')
    if len(products) > 1 and path.is_dir():
        return None
    if len(products) > 1:
        raise BadImageError(
            f'{path}: holds {len(products)} products; unpack it and give the '
            'folder'
        )
    safe = tree.below(products[0]) if products else tree
    if products or any('IMG_DATA/' in name for name in tree.names):
        return _read_safe(path, safe)
    product = _read_bands(path, tree)
    if product is None and path.is_file():
        raise BadImageError(
            f'{path}: holds no product that is known (Sentinel-2 SAFE, or a '
            'file a band); unpack it and give the rasters'
        )
    return product


def is_product(location: Location) -> bool:
    """Whether this looks like a single scene of several files, or packed."""
    if is_address(location):
        return False
    path = Path(location)
    if path.is_file():
        return _is_archive(path) or (
            path.suffix.lower() in ('.json', '.geojson') and _is_stac(path)
        )
    if not path.is_dir():
        return False
    tree = _open_tree(path, deep=path.suffix.lower() == '.safe')
    return path.suffix.lower() == '.safe' or (
        _read_bands(path, tree) is not None
    )


class _Tree:
    """Files of a folder or an archive.

    Args:
        root: Location that names are appended to.
        names: Paths below it, with slashes.
        read: Reads a file as bytes.
    """

    def __init__(self, root: str, names: list[str], read) -> None:
        self.root, self.names, self._read = root, sorted(names), read

    def location(self, name: str) -> Location:
        """Where GDAL finds a file."""
        full = f'{self.root}/{name}'
        return full if is_address(full) else Path(full)

    def read(self, name: str) -> bytes:
        """Read a file."""
        return self._read(name)

    def folders(self, suffix: str) -> list[str]:
        """Folders of this extension, ``''`` for itself."""
        if self.root.lower().endswith(suffix):
            return ['']
        parents = {
            str(parent)
            for name in self.names
            for parent in PurePosixPath(name).parents
        }
        return sorted(p for p in parents if p.lower().endswith(suffix))

    def below(self, folder: str) -> '_Tree':
        """Take the files below a folder."""
        if not folder:
            return self
        prefix = f'{folder}/'
        names = [n.removeprefix(prefix) for n in self.names
                 if n.startswith(prefix)]  # fmt: skip
        root = f'{self.root}/{prefix.rstrip("/")}'
        return _Tree(root, names, lambda name: self._read(prefix + name))


def _open_tree(path: Path, deep: bool = True) -> _Tree | None:
    if path.is_dir():
        found = path.rglob('*') if deep else path.glob('*')
        names = [
            file.relative_to(path).as_posix() for file in found
            if file.is_file()
        ]  # fmt: skip
        return _Tree(str(path), names, lambda n: (path / n).read_bytes())
    if not path.is_file() or not _is_archive(path):
        return None
    try:
        if path.suffix.lower() == '.zip':
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()

            def read(name: str) -> bytes:
                with zipfile.ZipFile(path) as archive:
                    return archive.read(name)

            return _Tree(f'/vsizip/{path.resolve()}', names, read)
        with tarfile.open(path) as archive:
            names = [m.name.removeprefix('./') for m in archive if m.isfile()]

        def read_tar(name: str) -> bytes:
            with tarfile.open(path) as archive:
                for member in archive:
                    if member.name.removeprefix('./') == name:
                        return archive.extractfile(member).read()
            raise KeyError(name)

        return _Tree(f'/vsitar/{path.resolve()}', names, read_tar)
    except (zipfile.BadZipFile, tarfile.TarError, OSError) as error:
        raise BadImageError(
            f'{path}: unreadable archive ({error}); download it again'
        ) from error


def _is_archive(path: Path) -> bool:
    return path.name.lower().endswith(_ARCHIVES)


# -------------------------------------------------------------- Sentinel-2
def _read_safe(path: Path, tree: _Tree) -> Product:
    """Find the finest file of each band of a Sentinel-2 product."""
    finest: dict[str, tuple[int, str]] = {}
    tiles = {
        name.split('IMG_DATA')[0] for name in tree.names if 'IMG_DATA' in name
    }
    if len(tiles) > 1:
        raise BadImageError(
            f'{path}: holds {len(tiles)} tiles (granules); give the folder of '
            'one, GRANULE/TILE'
        )
    for name in tree.names:
        match = _SAFE_BAND.search(name)
        if match is None or 'IMG_DATA' not in name:
            continue
        band = SENTINEL2.common_name(match[1])
        metres = int(match[2] or 0)
        if band and (band not in finest or metres < finest[band][0]):
            finest[band] = metres, name
    if not finest:
        raise BadImageError(
            f'{path}: has no bands GRANULE/*/IMG_DATA/*_B02.jp2 ...; '
            'download the product again'
        )
    files = {
        band: tree.location(finest[band][1])
        for band in SENTINEL2.bands
        if band in finest
    }
    product = Product(
        str(path), _bare(path), files, nodata=0, sensor=SENTINEL2
    )
    product.units = _sentinel2_units(tree, product)
    return product


def _sentinel2_units(tree: _Tree, product: Product) -> dict[str, Unit]:
    """Reflectance of stored values, by the metadata or the baseline."""
    for name in tree.names:
        if re.fullmatch(r'MTD_MSIL\w+\.xml', name):
            found = _units_of_metadata(tree, name, product)
            if found is not None:
                return found
    raised = 0
    title = f'{tree.root}/{product.name}/{product.stem}/'
    baseline = _BASELINE.search(title)
    if baseline is None:
        product.notes.append(
            'no metadata (MTD_MSIL*.xml) tell the offset, and no name the '
            'processing baseline: values are taken as reflectance * 10000, '
            'without the offset of 1000 that baselines since 04.00 have'
        )
    elif int(baseline[1]) >= _RAISED_SINCE:
        raised = _RAISED
        product.notes.append(
            'no metadata (MTD_MSIL*.xml) tell the offset; the baseline '
            f'N{baseline[1]} raises values by {_RAISED}, which is taken off'
        )
    return dict.fromkeys(product.files, Unit(1e-4, -raised * 1e-4))


def _units_of_metadata(
    tree: _Tree, name: str, product: Product
) -> dict[str, Unit] | None:
    """Read the metadata; None where they name no offset of a new baseline."""
    try:
        root = ElementTree.fromstring(tree.read(name))
    except ElementTree.ParseError as error:
        raise BadImageError(
            f'{product.name}/{name}: is no XML ({error})'
        ) from error
    quantification = 1e4
    for node in root.iter():
        if node.tag.rpartition('}')[2] in _QUANTIFICATIONS and node.text:
            quantification = _number(node.text, product, name)
    offsets: dict[int | None, float] = {}
    for node in root.iter():
        if node.tag.rpartition('}')[2] in _OFFSETS and node.text:
            number = node.get('band_id')
            key = None if number is None else int(number)
            offsets[key] = _number(node.text, product, name)
    if quantification <= 0:
        raise BadImageError(
            f'{product.name}/{name}: QUANTIFICATION_VALUE is '
            f'{quantification:g}; get the file again'
        )
    baseline = _BASELINE.search(f'{tree.root}/{product.name}/')
    if baseline and int(baseline[1]) >= _RAISED_SINCE and not offsets:
        return None
    units = {}
    for band in product.files:
        number = SENTINEL2.bands.index(band)
        offset = offsets.get(number, 0.0)
        if number not in offsets and offsets:
            if len({*offsets.values()}) > 1:
                raise BadImageError(
                    f'{product.name}/{name}: has no offset of the band '
                    f'{band}, and several of others; get the file again'
                )
            offset = next(iter(offsets.values()))
        units[band] = Unit(1 / quantification, offset / quantification)
    return units


def _number(text: str, product: Product, name: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise BadImageError(
            f'{product.name}/{name}: {text!r} is no number; get the file again'
        ) from error


# --------------------------------------------------------- files of bands
def _read_bands(path: Path, tree: _Tree) -> Product | None:
    """Take a folder with one file a band as one scene."""
    found: dict[str, dict[str, str]] = {}
    for name in tree.names:
        if '/' in name and path.is_dir():
            continue  # subfolders are scenes of their own
        file = PurePosixPath(name)
        match = _BAND_STEM.match(file.stem)
        if match is None or file.suffix.lower() not in _RASTERS:
            continue
        bands = found.setdefault(f'{file.parent}/{match["scene"]}', {})
        if match['band'] in bands:
            return None
        bands[match['band']] = name
    if len(found) != 1:
        return None
    ((scene, bands),) = found.items()
    if len(bands) < 2:
        return None
    scene = PurePosixPath(scene).name
    product = Product(
        str(path),
        scene if scene not in ('', '.') else _bare(path),
        {band: tree.location(name) for band, name in bands.items()},
        sensor=sensor_of(scene) or sensor_of(_bare(path)),
    )
    if product.sensor in LANDSAT and all(map(_is_code, bands)):
        product.units = dict(_landsat_units(tree, scene, bands))
        product.nodata = 0
    if product.sensor is SENTINEL2 and all(map(_is_code, bands)):
        product.units = _sentinel2_units(tree, product)
        product.nodata = 0
    names = common_names(list(bands), product.sensor, scene)
    if product.sensor is not None and None not in names:
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise BadImageError(
                f'{path}: has several files of the band {twice[0]}; name its '
                'files one by one'
            )
        product.files = dict(zip(names, product.files.values()))
        product.units = {
            name: product.units[band]
            for name, band in zip(names, bands)
            if band in product.units
        }
    return product


def _is_code(band: str) -> bool:
    return bool(re.fullmatch(r'(?:[A-Z]+_)?B\d{1,2}A?', band, re.IGNORECASE))


def _landsat_units(
    tree: _Tree, scene: str, bands: dict[str, str]
) -> Iterator[tuple[str, Unit]]:
    """Reflectance, or radiance and kelvin of thermal bands."""
    values: dict[str, dict[str, str]] = {}
    for name in tree.names:
        if name.endswith('_MTL.txt'):
            values = _read_mtl(tree.read(name).decode('utf-8', 'replace'))
        elif name.endswith('_MTL.json') and not values:
            (values,) = json.loads(tree.read(name)).values()
    every = {k: v for group in values.values() for k, v in group.items()}
    surface = values.get('LEVEL2_SURFACE_REFLECTANCE_PARAMETERS', {})
    warmth = values.get('LEVEL2_SURFACE_TEMPERATURE_PARAMETERS', {})
    for band in bands:
        code = band.upper()
        number = code.rpartition('B')[2]
        if code.startswith('SR_'):
            unit = _factors(surface, 'REFLECTANCE', number) or _LANDSAT_SR
        elif code.startswith('ST_'):
            unit = _factors(warmth, 'TEMPERATURE', code) or _LANDSAT_ST
        else:
            unit = _factors(every, 'REFLECTANCE', number)
            unit = unit or _factors(every, 'RADIANCE', number)
        if unit is not None:
            yield band, unit


def _factors(values: dict[str, str], kind: str, band: str) -> Unit | None:
    try:
        return Unit(
            float(values[f'{kind}_MULT_BAND_{band}']),
            float(values[f'{kind}_ADD_BAND_{band}']),
        )
    except (KeyError, ValueError):
        return None


def _read_mtl(text: str) -> dict[str, dict[str, str]]:
    """Read the values of Landsat's metadata, by group."""
    groups: dict[str, dict[str, str]] = {}
    group = ''
    for line in text.splitlines():
        key, _, value = (part.strip(' "\r') for part in line.partition('='))
        if key == 'GROUP':
            group = value
        elif value:
            groups.setdefault(group, {})[key] = value
    return groups


# -------------------------------------------------------------------- STAC
def _is_stac(path: Path) -> bool:
    with path.open('rb') as file:
        return b'stac_version' in file.read(65536)


def _read_stac(path: Path) -> Product | None:
    """Take the single-band assets of a STAC item, by their common names."""
    if not _is_stac(path):
        return None
    try:
        item = json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise BadImageError(f'{path}: is no JSON ({error})') from error
    try:
        product = _product_of_item(path, item)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadImageError(
            f'{path}: is no STAC item that can be read ({error!r})'
        ) from error
    if not product.files:
        raise BadImageError(
            f'{path}: has no asset of a single band; name its files one by one'
        )
    return product


def _product_of_item(path: Path, item: dict) -> Product:
    product = Product(str(path), str(item.get('id') or path.stem), {})
    product.sensor = sensor_of(product.stem)
    product.nodata = {}
    for key, asset in (item.get('assets') or {}).items():
        bands = asset.get('bands') or asset.get('eo:bands') or []
        href = asset.get('href')
        if len(bands) != 1 or not href or _is_preview(asset):
            continue
        (band,) = bands
        common = band.get('eo:common_name') or band.get('common_name')
        name = next(
            (
                known
                for known in (common, band.get('name'), key)
                if known and known not in product.files
            ),
            None,
        )
        if name is None:
            continue  # another format of the same band
        product.files[name] = _resolve(path, href)
        # In the order of STAC 1.1, 1.0 and of the band itself.
        facts = {**asset, **(asset.get('raster:bands') or [{}])[0], **band}
        scale = facts.get('raster:scale', facts.get('scale'))
        offset = facts.get('raster:offset', facts.get('offset'))
        if scale is not None or offset is not None:
            unit = Unit(
                float(1 if scale is None else scale), float(offset or 0)
            )
            if unit != Unit():
                product.units[name] = unit
        if facts.get('nodata') is not None:
            product.nodata[name] = float(facts['nodata'])
    _apply_baseline(product, item.get('properties') or {})
    return product


def _apply_baseline(product: Product, properties: dict) -> None:
    """Settle whether values of Sentinel-2 still hold their offset."""
    baseline = str(properties.get('s2:processing_baseline', '')) or None
    applied = properties.get('earthsearch:boa_offset_applied')
    if applied and any(unit.offset for unit in product.units.values()):
        product.units = {
            name: Unit(unit.scale) for name, unit in product.units.items()
        }
        product.notes.append(
            'earthsearch:boa_offset_applied is true: the offset of the item '
            'is taken as applied already'
        )
    elif baseline and not product.units and not applied:
        raised = float(baseline) >= _RAISED_SINCE / 100
        offset = -_RAISED * 1e-4 if raised else 0.0
        product.units = dict.fromkeys(product.files, Unit(1e-4, offset))
        product.notes.append(
            f'the item names no unit: values are reflectance * 10000, raised '
            f'by {_RAISED if raised else 0} by the baseline {baseline}'
        )


def _is_preview(asset: dict) -> bool:
    roles = set(asset.get('roles') or ())
    return bool(roles & {'thumbnail', 'overview', 'visual', 'metadata'})


def _resolve(item: Path, href: str) -> Location:
    if href.startswith(('http://', 'https://')):
        return f'/vsicurl/{href}'
    return href if is_address(href) else item.parent / href


def _bare(path: Path) -> str:
    name = path.name
    packed = ('.zip', '.tar', '.safe', '.gz', '.tgz')
    while PurePosixPath(name).suffix.lower() in packed:
        name = PurePosixPath(name).stem
    return name
