"""Opening of raster files: by path, by address, or inside an archive."""

import re
import struct
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from mmrs.errors import BadImageError

if TYPE_CHECKING:
    from rasterio import DatasetReader

#: A path, or an address that GDAL knows (``/vsizip/...``, ``s3://...``).
Location = str | Path

#: Files that folders are searched for as rasters; any other can be named.
RASTER_EXTENSIONS = ('.tif', '.tiff', '.jp2', '.vrt', '.img', '.dat')
#: Files of pictures, which are decoded as a whole.
PICTURE_EXTENSIONS = ('.jpg', '.jpeg', '.png', '.bmp', '.webp')

_ADDRESS = re.compile(r'^(/vsi|[A-Za-z][A-Za-z0-9+.\-]+://|[A-Z][A-Z0-9_]+:)')
_ORIENTATION = 274  # the TIFF and EXIF tag


def is_address(location: Location) -> bool:
    """Whether this is an address that GDAL resolves, not a path on disk."""
    return isinstance(location, str) and bool(_ADDRESS.match(location))


def as_location(location: Location) -> Location:
    """Make a path of what is none yet, and leave addresses as they are."""
    return location if is_address(location) else Path(location)


def is_there(location: Location) -> bool:
    """Whether a file exists; an address counts as one until it is opened."""
    return is_address(location) or Path(location).is_file()


def suffix_of(location: Location) -> str:
    """Return the extension of a file or address, in lower case."""
    return Path(str(location).split('?')[0]).suffix.lower()


def stem_of(location: Location) -> str:
    """Return the name of a file or address without its extension."""
    return Path(str(location).split('?')[0]).stem


def is_raster(location: Location) -> bool:
    """Whether GDAL reads this file, by windows, rather than a decoder."""
    is_picture = suffix_of(location) in PICTURE_EXTENSIONS
    if is_picture and is_address(location):
        return zipped(location) is None
    return not is_picture


def zipped(location: Location) -> tuple[Path, str] | None:
    """Split ``/vsizip/ARCHIVE/NAME`` into both; None for anything else."""
    text = str(location)
    if not text.startswith('/vsizip/'):
        return None
    inner = Path(text.removeprefix('/vsizip/').removeprefix('{'))
    for parent in inner.parents:
        if parent.is_file():
            return parent, inner.relative_to(parent).as_posix()
    return None


def file_stamp(location: Location) -> list:
    """What tells a file from another: its path, size and time of change.

    Of a file in an archive, those of the archive; of another address, it
    alone.
    """
    text = str(location)
    for scheme in ('/vsizip/', '/vsitar/'):
        if text.startswith(scheme):
            inner = text.removeprefix(scheme)
            for parent in [Path(inner), *Path(inner).parents]:
                if parent.is_file():
                    return [text, *file_stamp(parent)[1:]]
    if is_address(location):
        return [text]
    found = Path(location).stat()
    return [text, found.st_size, found.st_mtime_ns]


def open_raster(location: Location) -> 'DatasetReader':
    """Open a raster by GDAL.

    Raises:
        BadImageError: It is missing or unreadable.
    """
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    if not is_there(location):
        raise BadImageError(f'{location}: no such image file')
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', NotGeoreferencedWarning)
        try:
            return rasterio.open(location)
        except RasterioError as error:
            reason = ' '.join(str(error).split())
            raise BadImageError(
                f'{location}: unreadable raster ({reason})'
            ) from error


def tiff_orientation(path: Location) -> int:
    """Read the Orientation tag of a TIFF, 1 to 8; 1 where there is none.

    GDAL does not report it (TIFF 6.0, section 8), and Pillow opens only some
    TIFFs, but reads the tags of all.
    """
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    if is_address(path) or suffix_of(path) not in ('.tif', '.tiff'):
        return 1
    with open(path, 'rb') as file:
        head = file.read(8)
        if 43 in head[2:4]:  # BigTIFF
            head += file.read(8)
        try:
            tags = ImageFileDirectory_v2(head)
            file.seek(tags.next)
            tags.load(file)
        except (SyntaxError, OSError, struct.error):
            return 1
        found = tags.get(_ORIENTATION, 1)
    return found if found in range(1, 9) else 1
