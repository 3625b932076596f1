"""Reading images with the checks that remote-sensing files need."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from mmrs.errors import BadImageError, InputError
from mmrs.geo.pictures import check_orientation
from mmrs.geo.sensors import common_names, has_names
from mmrs.geo.source import Source, open_source
from mmrs.registry import TRANSFORMS

_RGB = ('red', 'green', 'blue')


@TRANSFORMS.register_module()
class LoadRSImage(BaseTransform):
    """Load an image as three 8-bit bands, or say what is wrong with it.

    Decoders fill the missing part of a truncated JPEG with grey, read a
    16-bit file as 8-bit and drop bands, all without a word. Here each of
    these raises :class:`BadImageError` with the file's name and the way out.

    Files of one 8-bit band (SAR, panchromatic) become three equal bands;
    palettes become colours, and alpha is no band. Bands that have names are
    taken by these.

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
        orientation: ``'shown'``: turned as an EXIF tag demands, as labelling
            tools show it; ``'stored'``: as stored, for annotations that
            count pixels so.
    """

    def __init__(
        self,
        bands: tuple[int, int, int] | None = None,
        stretch: tuple[float, float] | None = None,
        to_float32: bool = False,
        orientation: str = 'shown',
    ) -> None:
        check_orientation(orientation)
        check_stretch(stretch, 'LoadRSImage')
        if bands is not None and len(bands) != 3:
            raise InputError(
                f'LoadRSImage(bands={tuple(bands)}): name three bands, red, '
                'green and blue'
            )
        self.bands = bands
        self.stretch = stretch
        self.to_float32 = to_float32
        self.orientation = orientation

    def transform(self, results: dict) -> dict:
        """Load ``results['img_path']``.

        Raises:
            BadImageError: The file is missing, unreadable, truncated, of
                another size than annotated, or its bands need a choice.
        """
        path = results['img_path']
        source = open_source(path, orientation=self.orientation)
        three_bands(source, self.bands, 'LoadRSImage')
        image, valid = source.read_all()
        image = to_uint8(image, valid, self.stretch, path, 'LoadRSImage')
        _check_size(image, results, path)
        image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        results['img'] = image.astype(np.float32) if self.to_float32 else image
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(bands={self.bands}, '
            f'stretch={self.stretch}, to_float32={self.to_float32}, '
            f'orientation={self.orientation!r})'
        )


def three_bands(
    source: Source, bands: tuple[int, int, int] | None, caller: str
) -> None:
    """Pick red, green and blue of an image, or its one band three times.

    Args:
        source: The image.
        bands: Their numbers from 0. None: by the names of the bands, and of
            three bands without names as they are.
        caller: The transform that asks, for the error.

    Raises:
        BadImageError: It has not these bands, or it takes a choice.
    """
    if bands is not None:
        pick_bands(source, bands, caller)
        return
    names, count = source.all_bands, len(source.all_bands)
    found = common_names(names, None, source.name)
    if set(_RGB) <= set(found):
        source.pick([found.index(color) for color in _RGB])
    elif count == 1:
        source.pick([0, 0, 0])
    elif count != 3 or has_names(names):
        shown = ', '.join(name or 'unnamed' for name in names)
        raise BadImageError(
            f'{source.name}: has {count} bands ({shown}) where red, green '
            f'and blue are needed; name these, e.g. {caller}(bands=(0, 1, 2))'
        )


def pick_bands(source: Source, bands: Sequence[int], caller: str) -> None:
    """Pick bands of an image by their numbers from 0.

    Args:
        source: The image.
        bands: A band may be taken more than once.
        caller: The transform that asks, for the error.

    Raises:
        BadImageError: The image has not as many bands.
    """
    count = len(source.all_bands)
    if not all(isinstance(b, int) and 0 <= b < count for b in bands):
        raise BadImageError(
            f'{source.name}: has {count} band(s), so {caller}(bands='
            f'{tuple(bands)}) asks too much; bands are counted from 0 to '
            f'{count - 1}'
        )
    source.pick(bands)


def check_stretch(stretch: tuple[float, float] | None, caller: str) -> None:
    """Raise an InputError unless the first value is below the second."""
    if stretch is not None and not stretch[0] < stretch[1]:
        raise InputError(
            f'{caller}(stretch={tuple(stretch)}): give the lower value first, '
            'and not twice the same'
        )


def to_uint8(
    image: np.ndarray,
    valid: np.ndarray | None,
    stretch: tuple[float, float] | None,
    path: str,
    caller: str,
) -> np.ndarray:
    """Bring an image to 8 bits.

    Args:
        image: (H, W, bands), of any dtype.
        valid: Where it has data, (H, W) bool; None: everywhere.
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
    raise BadImageError(
        f'{path}: holds {image.dtype} values where 8-bit ones are needed; '
        f'say which become 0 and 255, e.g. {caller}('
        f'{_stretch_advice(image, valid)}), its 2nd and 98th percentile'
    )


def _stretch_advice(image: np.ndarray, valid: np.ndarray | None) -> str:
    values = image if valid is None else image[valid]
    if not values.size or np.isnan(values).all():
        return 'stretch=(0, 1)'
    low, high = np.nanpercentile(values, (2, 98))
    return f'stretch=({low:g}, {high:g})'


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
