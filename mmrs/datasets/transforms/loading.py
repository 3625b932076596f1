"""Reading images with the checks that remote-sensing files need."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from PIL import Image, UnidentifiedImageError

from mmrs.errors import BadImageError, InputError
from mmrs.registry import TRANSFORMS

# The byte strings that end a whole file, and the one they must come after.
_JPEG_SCAN, _JPEG_END = b'\xff\xda', b'\xff\xd9'
_PNG_END = b'IEND\xaeB`\x82'


@TRANSFORMS.register_module()
class LoadRSImage(BaseTransform):
    """Load an image as three 8-bit bands, or say what is wrong with it.

    Decoders fill the missing part of a truncated JPEG with grey, read a
    16-bit file as 8-bit and drop bands, all without a word. Here each of
    these raises :class:`BadImageError` with the file's name and the way out.

    Files of one 8-bit band (SAR, panchromatic) become three equal bands.
    JPEG orientation tags are not applied: annotations count the pixels as
    they are stored.

    Required keys: ``img_path``; ``height`` and ``width`` where the data set
    knows them, to be compared with the file.

    Added keys: ``img`` (H, W, 3), BGR, uint8 (or float32 of the same values
    0 to 255); ``img_shape`` and ``ori_shape``, both (H, W).

    Args:
        bands: Which bands, counted from 0 in the file's order, are red,
            green and blue. Needed for files of other than 1 or 3 bands.
        stretch: The values of the file that become 0 and 255. Needed for
            files that are not 8-bit, e.g. ``(0, 3000)`` for Sentinel-2.
        to_float32: Return float32, so that later resizing does not round.
    """

    def __init__(
        self,
        bands: tuple[int, int, int] | None = None,
        stretch: tuple[float, float] | None = None,
        to_float32: bool = False,
    ) -> None:
        self.bands = bands
        self.stretch = stretch
        self.to_float32 = to_float32

    def transform(self, results: dict) -> dict:
        """Load ``results['img_path']``.

        Raises:
            BadImageError: The file is missing, unreadable, truncated, of
                another size than annotated, or its bands need a choice.
        """
        path = results['img_path']
        image = _three_bands(read_bands(path), self.bands, path)
        image = to_uint8(image, self.stretch, path, 'LoadRSImage')
        _check_size(image, results, path)
        image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        results['img'] = image.astype(np.float32) if self.to_float32 else image
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(bands={self.bands}, '
            f'stretch={self.stretch}, to_float32={self.to_float32})'
        )


def read_bands(path: str | Path) -> np.ndarray:
    """Read all bands of an image file as they are stored.

    Returns:
        (H, W, bands) in the file's band order and dtype.

    Raises:
        BadImageError: The file is missing, unreadable or truncated.
        InputError: It takes rasterio to read this TIFF, which is absent.
    """
    path = Path(path)
    if not path.is_file():
        raise BadImageError(f'{path}: no such image file')
    is_tiff = path.suffix.lower() in ('.tif', '.tiff')
    image = _read_tiff(path) if is_tiff else _read_plain(path)
    return image[..., None] if image.ndim == 2 else image


def _read_plain(path: Path) -> np.ndarray:
    data = path.read_bytes()
    if _is_truncated(data):
        raise BadImageError(f'{path}: the file is truncated; copy it again')
    image = None
    if data:
        image = cv2.imdecode(
            np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED
        )
    if image is None:
        raise BadImageError(f'{path}: not a readable image file')
    if image.ndim == 2:
        return image
    # Reversing an axis of three in NumPy takes longer than decoding.
    has_alpha = image.shape[2] == 4
    code = cv2.COLOR_BGRA2RGBA if has_alpha else cv2.COLOR_BGR2RGB
    return cv2.cvtColor(image, code)


def _is_truncated(data: bytes) -> bool:
    """Whether the end mark of a JPEG or PNG is missing.

    Compressed JPEG data never holds the two-byte end mark, but a thumbnail
    in the header does, so it must come after the last start of a scan.
    """
    if data.startswith(b'\xff\xd8'):
        return data.rfind(_JPEG_END) < data.rfind(_JPEG_SCAN)
    if data.startswith(b'\x89PNG'):
        return data.rfind(_PNG_END) < 0
    return False


def _read_tiff(path: Path) -> np.ndarray:
    """Read common TIFFs with Pillow, and all others with rasterio."""
    try:
        if _is_common_tiff(path):
            return np.array(Image.open(path))
    except OSError as error:
        raise BadImageError(f'{path}: unreadable TIFF ({error})') from error
    return _read_raster(path)


def _is_common_tiff(path: Path) -> bool:
    """Whether the TIFF is of one or three 8-bit bands.

    Pillow opens some of the others too, but drops bands and low bytes.
    """
    try:
        image = Image.open(path)
    except (UnidentifiedImageError, Image.DecompressionBombError):
        return False  # of another kind, or above Pillow's limit of pixels
    samples, bits = image.tag_v2.get(277, 1), image.tag_v2.get(258, (1,))
    return image.mode in ('L', 'RGB') and (
        samples == len(image.mode) and set(bits) == {8}
    )


def _read_raster(path: Path) -> np.ndarray:
    import warnings

    try:
        import rasterio
        from rasterio.errors import NotGeoreferencedWarning, RasterioError
    except ImportError as error:
        raise InputError(
            f'{path}: a TIFF of other than one or three 8-bit bands needs '
            "rasterio: pip install 'mmrs[geo]'"
        ) from error
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', NotGeoreferencedWarning)
        try:
            with rasterio.open(path) as raster:
                return np.moveaxis(raster.read(), 0, 2)
        except RasterioError as error:
            raise BadImageError(
                f'{path}: unreadable TIFF ({error})'
            ) from error


def _three_bands(
    image: np.ndarray, bands: tuple[int, int, int] | None, path: str
) -> np.ndarray:
    count = image.shape[2]
    if bands is not None:
        return select_bands(image, bands, path, 'LoadRSImage')
    if count == 1:
        return np.repeat(image, 3, axis=2)
    if count == 3:
        return image
    raise BadImageError(
        f'{path}: has {count} bands where 3 are needed; name those of '
        'red, green and blue, e.g. LoadRSImage(bands=(0, 1, 2))'
    )


def select_bands(
    image: np.ndarray, bands: Sequence[int], path: str, caller: str
) -> np.ndarray:
    """Take bands of an image (H, W, bands), in the order given.

    Args:
        image: Of any dtype.
        bands: Counted from 0; a band may be taken more than once.
        path: Its file, for the error.
        caller: The transform that asks, for the error.

    Raises:
        BadImageError: The image has not as many bands.
    """
    count = image.shape[2]
    if max(bands) >= count:
        raise BadImageError(
            f'{path}: has {count} band(s), so {caller}(bands={tuple(bands)}) '
            f'asks too much; bands are counted from 0 to {count - 1}'
        )
    return image[..., list(bands)]


def to_uint8(
    image: np.ndarray,
    stretch: tuple[float, float] | None,
    path: str,
    caller: str,
) -> np.ndarray:
    """Bring an image to 8 bits.

    Args:
        image: Of any shape and dtype.
        stretch: The values that become 0 and 255.
        path: Its file, for the error.
        caller: The transform that asks, for the error.

    Raises:
        BadImageError: It is not 8-bit, and there is no `stretch`.
    """
    if stretch is not None:
        low, high = stretch
        scaled = (np.nan_to_num(image, nan=low) - low) * (255 / (high - low))
        return np.clip(scaled.round(), 0, 255).astype(np.uint8)
    if image.dtype == np.uint8:
        return image
    low, high = np.nanpercentile(image, (2, 98))
    raise BadImageError(
        f'{path}: holds {image.dtype} values where 8-bit ones are needed; '
        f'say which become 0 and 255, e.g. {caller}('
        f'stretch=({low:g}, {high:g})), its 2nd and 98th percentile'
    )


def _check_size(image: np.ndarray, results: dict, path: str) -> None:
    height, width = image.shape[:2]
    noted = (results.get('width', width), results.get('height', height))
    if noted != (width, height):
        raise BadImageError(size_message(path, (width, height), noted))


def size_message(
    path: str | Path, found: tuple[int, int], noted: tuple[int, int]
) -> str:
    """Say that an image is not the one that was annotated.

    Args:
        path: The image file.
        found: Its width and height in pixels.
        noted: Width and height in the annotation file.
    """
    return (
        f'{path}: is {found[0]} x {found[1]} px, but the annotation file '
        f'says {noted[0]} x {noted[1]} (width x height); use the images that '
        'were annotated, or convert the annotations anew'
    )
