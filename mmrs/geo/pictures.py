"""Pictures: PNG, JPEG, BMP and WebP, decoded as a whole."""

import io
import warnings
import zipfile
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from mmrs.errors import BadImageError, InputError

from .opening import Location, zipped

# The byte strings that end a whole file, and the one they must come after.
_JPEG_SCAN, _JPEG_END = b'\xff\xda', b'\xff\xd9'
_PNG, _PNG_END = b'\x89PNG', b'IEND\xaeB`\x82'
_PNG_COLOR_TYPE = 25  # the place of its byte
_INDEXED, _GRAY_ALPHA = 3, 4
_ORIENTATION = 274

_told: set[str] = set()


class Picture(NamedTuple):
    """A decoded picture.

    Attributes:
        pixels: (H, W, bands) as stored: gray, or red, green, blue.
        valid: Where it is not transparent, (H, W) bool; None: everywhere.
        orientation: The tag that it was turned by; 1: it was not.
    """

    pixels: np.ndarray
    valid: np.ndarray | None
    orientation: int = 1


def read_picture(path: Location, orientation: str = 'shown') -> Picture:
    """Decode a picture.

    Palettes become colours, 1-bit pixels 0 and 255, inks (CMYK) red, green
    and blue; an alpha channel becomes the mask of valid pixels.

    Args:
        path: The file.
        orientation: ``'shown'``: turned as its EXIF tag demands, which is
            what viewers and labelling tools show. ``'stored'``: as stored.

    Raises:
        BadImageError: It is missing, unreadable or truncated.
    """
    data = _read_bytes(path)
    if _is_truncated(data):
        raise BadImageError(f'{path}: the file is truncated; copy it again')
    image = None
    if data:
        image = cv2.imdecode(
            np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED
        )
    if image is None:
        raise BadImageError(f'{path}: not a readable image file')
    pixels, valid = _split_alpha(image, data)
    turn = exif_orientation(data) if orientation == 'shown' else 1
    if turn != 1:
        warn_turned(path, turn)
        pixels, valid = turned(pixels, turn), turned(valid, turn)
    return Picture(pixels, valid, turn)


def _read_bytes(path: Location) -> bytes:
    archive = zipped(path)
    if archive is None:
        if not Path(path).is_file():
            raise BadImageError(f'{path}: no such image file')
        return Path(path).read_bytes()
    try:
        with zipfile.ZipFile(archive[0]) as file:
            return file.read(archive[1])
    except (KeyError, zipfile.BadZipFile) as error:
        raise BadImageError(f'{path}: no such image file ({error})') from error


def read_indices(path: Location) -> np.ndarray | None:
    """Read the palette indices (H, W) of a picture; None without palette."""
    from PIL import Image, UnidentifiedImageError

    data = _read_bytes(path)
    head = data[: _PNG_COLOR_TYPE + 1]
    if head.startswith(b'\xff\xd8') or (
        head.startswith(_PNG) and head[-1] != _INDEXED
    ):
        return None
    try:
        with Image.open(io.BytesIO(data)) as image:
            return np.array(image) if image.mode == 'P' else None
    except (OSError, UnidentifiedImageError, SyntaxError) as error:
        raise BadImageError(
            f'{path}: not a readable image file ({error})'
        ) from error


def _split_alpha(
    image: np.ndarray, data: bytes
) -> tuple[np.ndarray, np.ndarray | None]:
    """Bring OpenCV's BGR(A) to (H, W, bands) and a mask."""
    if image.ndim == 2:
        return image[..., None], None
    if image.shape[2] == 3:
        # Reversing an axis of three in NumPy takes longer than decoding.
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB), None
    valid = image[..., 3] > 0
    if data.startswith(_PNG) and data[_PNG_COLOR_TYPE] == _GRAY_ALPHA:
        pixels = np.ascontiguousarray(image[..., :1])
    else:
        pixels = cv2.cvtColor(image, cv2.COLOR_BGRA2RGB)
    return pixels, None if valid.all() else valid


def exif_orientation(data: bytes) -> int:
    """Read the orientation, 1 to 8, of an encoded JPEG, PNG or WebP."""
    from PIL import Image

    if b'Exif' not in data[:65536] and b'eXIf' not in data:
        return 1
    try:
        with Image.open(io.BytesIO(data)) as image:
            found = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # a broken tag does not make the pixels unreadable
        return 1
    return found if found in range(1, 9) else 1


def turned(image: np.ndarray | None, orientation: int) -> np.ndarray | None:
    """Turn and mirror an image (H, W, ...) as an orientation tag demands.

    The numbers are those of TIFF 6.0 (section 8): 1 as stored, 3 upside
    down, 6 a quarter clockwise, 8 a quarter counterclockwise, even numbers
    up to 4 and 5, 7 mirrored.
    """
    if image is None:
        return None
    if orientation in (5, 6, 7, 8):
        image = image.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    return np.ascontiguousarray(image)


def warn_turned(path: str | Path, orientation: int) -> None:
    """Warn, once a process, that pictures are turned by their EXIF tag."""
    if 'turned' in _told:
        return
    _told.add('turned')
    warnings.warn(
        f'{path}: turned by its EXIF orientation ({orientation}), as viewers '
        "show it, and so are others; set orientation='stored' where labels "
        'count the pixels as they are stored',
        stacklevel=2,
    )


def check_orientation(orientation: str) -> None:
    """Raise an InputError for an unknown setting."""
    if orientation not in ('shown', 'stored'):
        raise InputError(
            f"orientation={orientation!r}: must be 'shown' or 'stored'"
        )


def _is_truncated(data: bytes) -> bool:
    """Whether the end mark of a JPEG or PNG is missing.

    Compressed JPEG data never holds the two-byte end mark, but a thumbnail
    in the header does, so it must come after the last start of a scan.
    """
    if data.startswith(b'\xff\xd8'):
        return data.rfind(_JPEG_END) < data.rfind(_JPEG_SCAN)
    if data.startswith(_PNG):
        return data.rfind(_PNG_END) < 0
    return False
