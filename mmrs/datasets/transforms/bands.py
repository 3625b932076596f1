"""Loading and augmenting images of any number of bands, and cloud masks."""

import random
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from mmrs.errors import BadImageError, InputError
from mmrs.geo.images import check_window, open_image, read_labels
from mmrs.geo.sensors import find_bands
from mmrs.geo.source import ArraySource, Source, Unit
from mmrs.registry import TRANSFORMS

from .frames import read_frame
from .mask_codes import MASK_CODES

__all__ = [
    'BandJitter',
    'LoadBands',
    'LoadCloudMask',
    'PerPatchZScore',
    'RandomRot90',
    'RandomScaleCrop',
]

IGNORED = 255  # the class of mask pixels that no loss and no score counts
_VISIBLE = ('blue', 'green', 'red')
_SAMPLE_STEP = 4  # of each axis, the pixels that are looked at for the range
_DARKEST = 1 / 40  # of the range that the brightest pixels of a scene exceed


@TRANSFORMS.register_module()
class LoadBands(BaseTransform):
    """Load bands by name, in a physical unit, or say what is wrong.

    The files of an image, one or several, are read and their bands put one
    behind the other; then bands are picked by name. Values become
    ``stored * scale + offset``. What is not given here is the data set's.

    Bands are found by the names that a file gives them, which may be common
    names or codes of the sensor; by their place only in files that name
    none. A file's own scale and offset come before those of the data set.

    Pixels where all bands have the `nodata` value, or any is not finite, or
    the file's mask or alpha band leaves out, are not valid: they become 0,
    and :class:`LoadCloudMask` ignores them.

    Required keys: ``img_path``, one path or several. Of a
    :class:`~mmrs.datasets.CloudDataset` also ``file_bands``, the names of all
    bands of the files in their order, ``bands``, ``scale``, ``offset``,
    ``nodata``, ``value_range``, ``sensor``, and, where they are there,
    ``window`` (row, column, height, width in px) and ``frame``, the number
    of a frame in a memory map.

    Added keys: ``img`` (H, W, C), float32; ``bands``, the names of the C
    bands; ``img_shape`` and ``ori_shape``, both (H, W); ``valid`` (H, W),
    uint8, 1 where a pixel is valid, if some are not. ``seg_fields`` names
    ``valid``, so that the transforms of mmsegmentation move it along.

    Args:
        bands: Names of the bands to load in their order, or their numbers in
            the files, from 0. None: those of the data set, or all.
        scale: Factor of the stored values, for all bands, one a band, or by
            name.
        offset: Added after that, in the unit of the result, given as `scale`.
        nodata: Stored value of pixels without data.
        value_range: Where values in the unit of the result are expected. An
            image far outside of it is refused, with the scale to try.
        allow_blank: Return images without one valid pixel, not refuse them.
            For tests on all patches of a scene, its black margins included.
        to_float32: Return float32. False keeps the stored type, and takes no
            scale or offset.
    """

    def __init__(
        self,
        bands: Sequence[str | int] | None = None,
        scale: float | Sequence[float] | Mapping[str, float] | None = None,
        offset: float | Sequence[float] | Mapping[str, float] | None = None,
        nodata: float | None = None,
        value_range: tuple[float, float] | None = None,
        allow_blank: bool = False,
        to_float32: bool = True,
    ) -> None:
        if not to_float32 and (scale is not None or offset is not None):
            raise InputError(
                'LoadBands(to_float32=False) keeps the stored values, so it '
                'takes neither scale nor offset'
            )
        self.bands = bands
        self.scale = scale
        self.offset = offset
        self.nodata = nodata
        self.value_range = value_range
        self.allow_blank = allow_blank
        self.to_float32 = to_float32

    def transform(self, results: dict) -> dict:
        """Load the image.

        Raises:
            BadImageError: A file is missing or unreadable, has other bands
                than expected, no valid pixel, or values far out of range.
        """
        source, results['bands'] = self._open(results)
        window = check_window(source, results.get('window'))
        stored, valid = source.read(window)
        units = None
        is_given = self.scale is not None or self.offset is not None
        if (
            source.units is not None
            and not is_given
            and results.get('use_file_units', True)
        ):
            units = [source.units[number] for number in source.picked]
        return self.take(results, stored, valid, units)

    def _open(self, results: dict) -> tuple[Source, tuple]:
        """Open the files of an image, pick its bands, and name these."""
        nodata = results.get('nodata') if self.nodata is None else self.nodata
        path, frame = results['img_path'], results.get('frame')
        names = results.get('file_bands')
        if frame is not None:
            paths = [path] if isinstance(path, str) else path
            arrays = [read_frame(one, frame, 'img') for one in paths]
            source = ArraySource(
                np.concatenate(arrays, axis=2), None, nodata, name=paths[0]
            )
        else:
            is_sure = results.get('trust_file_bands', False)
            source = open_image(path, nodata, names if is_sure else None)
        if names is not None and len(names) != len(source.all_bands):
            raise BadImageError(
                f'{source.name}: has {len(source.all_bands)} band(s), but '
                f'{len(names)} are expected: {", ".join(names)}; set '
                'file_bands of the data set to what the file holds, in its '
                'order'
            )
        count = len(source.all_bands)
        wanted = self.bands or results.get('bands') or range(count)
        source.pick(
            find_bands(source, wanted, names or (), results.get('sensor'))
        )
        return source, tuple(
            names[band] if names and isinstance(band, int) else band
            for band in wanted
        )

    def take(
        self,
        results: dict,
        stored: np.ndarray,
        valid: np.ndarray | None = None,
        units: Sequence[Unit] | None = None,
    ) -> dict:
        """Do what follows the reading, for pixels that were read elsewhere.

        Args:
            results: As of :meth:`transform`; ``bands`` names the bands,
                ``img_path`` is for errors.
            stored: (H, W, bands), as the files have them, in that order.
            valid: Pixels that have data, (H, W) bool; None: all.
            units: What stored values of each band stand for, as the file
                defines it, in place of `scale` and `offset`.

        Returns:
            `results`, with the keys that :meth:`transform` adds.

        Raises:
            BadImageError: As of :meth:`transform`.
        """
        if valid is not None and not valid.any() and not self.allow_blank:
            raise BadImageError(
                f'{_first_path(results)}: has no pixel with data; take it out '
                'of the list, correct nodata, or set allow_blank=True of '
                'LoadBands'
            )
        image = stored
        if self.to_float32:
            image = self._convert(results, stored, units)
        if valid is not None:
            image = np.where(valid[..., None], image, image.dtype.type(0))
            results['valid'] = valid.astype(np.uint8)
            results.setdefault('seg_fields', []).append('valid')
        if self.to_float32:
            expected = self.value_range or results.get('value_range')
            part = np.s_[::_SAMPLE_STEP, ::_SAMPLE_STEP]
            check_range(
                _first_path(results),
                image[part],
                stored[part],
                None if valid is None else valid[part],
                expected,
            )
        results['img'] = image
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        return results

    def _convert(
        self,
        results: dict,
        stored: np.ndarray,
        units: Sequence[Unit] | None,
    ) -> np.ndarray:
        image = stored.astype(np.float32)
        if units is not None:
            scale, offset = np.array(units, np.float32).T
        else:
            scale = self._per_band('scale', results, 1)
            offset = self._per_band('offset', results, 0)
        if np.any(scale != 1):
            image *= scale
        if np.any(offset != 0):
            image += offset
        return image

    def _per_band(self, key: str, results: dict, default: float) -> np.ndarray:
        """`scale` or `offset` as () or (C,), float32."""
        value = getattr(self, key)
        if value is None:
            value = results.get(key)
        if value is None:
            value = default
        bands = results['bands']
        if isinstance(value, Mapping):
            lacking = [band for band in bands if band not in value]
            if lacking:
                raise InputError(f'LoadBands({key}=...) lacks {lacking[0]!r}')
            value = [value[band] for band in bands]
        value = np.asarray(value, np.float32)
        if value.ndim and len(value) != len(bands):
            raise InputError(
                f'LoadBands({key}=...) is of {len(value)} values, but '
                f'{len(bands)} bands are loaded'
            )
        return value

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(bands={self.bands}, scale={self.scale}, '
            f'offset={self.offset}, nodata={self.nodata}, '
            f'value_range={self.value_range}, '
            f'allow_blank={self.allow_blank}, to_float32={self.to_float32})'
        )


def check_range(
    name: str,
    image: np.ndarray,
    stored: np.ndarray,
    valid: np.ndarray | None,
    expected: tuple[float, float] | None,
    is_whole: bool = False,
) -> None:
    """Refuse digital numbers where reflectance is expected, and so on.

    Args:
        name: Of the image, for the error.
        image: (H, W, C), in the unit of the result.
        stored: The same pixels as they are stored.
        valid: Which have data, (H, W) bool; None: all.
        expected: Where values in the unit of the result are; None: unknown.
        is_whole: Whether these are pixels all over a scene. Then values far
            too small are refused, too: a single tile may be dark.

    Raises:
        BadImageError: Values are far outside of what is expected; the
            message has the scale to try.
    """
    if expected is None:
        return
    if valid is not None:
        image, stored = image[valid], stored[valid]
    if not image.size:
        return
    low, high = expected
    median, top = np.percentile(image, (50, 99))
    width = high - low
    fits = low - width <= median <= high + 2 * width
    if is_whole:
        fits &= bool(np.percentile(image, 99.9) - low >= width * _DARKEST)
    if fits and top - low >= width / 1000:
        return
    raise BadImageError(
        f'{name}: its values are about {median:.3g} and {top:.3g} at most, '
        f'but {low:g} to {high:g} is expected; '
        f'{_advise(float(np.median(stored)), float(stored.max()))}'
    )


def _advise(stored: float, most: float) -> str:
    """Name the scale that values of a file may need, by their size."""
    if most <= 2:
        hint = 'scale=1 for reflectance'
    elif most <= 255:
        hint = 'scale=1 / 255 for 8-bit values'
    elif most <= 1023:
        hint = 'scale=1 / 1023 for 10-bit or 1e-4 for reflectance * 10000'
    else:
        hint = (
            'scale=1e-4 for reflectance * 10000, or scale=2e-5, offset=-0.1 '
            'for Landsat 8 Level 1'
        )
    return (
        f'the file holds values of about {stored:.3g}, {most:.5g} at most: '
        'set scale (and offset) of LoadBands or of the data set, e.g. '
        f'{hint}'
    )


def _first_path(results: dict) -> str:
    path = results['img_path']
    return path if isinstance(path, str) else path[0]


@TRANSFORMS.register_module()
class LoadCloudMask(BaseTransform):
    """Load a mask, and make classes of its values.

    Pixels that :class:`LoadBands` found without data are ignored. An image
    that has no mask (``seg_map_path`` None) is left as it is.

    Required keys: ``seg_map_path``; ``img``; of a data set also
    ``label_map``, and, where they are there, ``window``, ``frame``,
    ``mask_codes`` and ``counted_from``, the first row and column that this
    sample has labels for.

    Added keys: ``gt_seg_map`` (H, W), uint8; ``seg_fields`` names it.

    Args:
        label_map: Class of each value in the file; 255 is the class that is
            ignored. None: that of the data set.
    """

    def __init__(self, label_map: Mapping[int, int] | None = None) -> None:
        if not set((label_map or {}).values()) <= {*range(256)}:
            raise InputError(
                f'LoadCloudMask(label_map={dict(label_map)}): classes are '
                'from 0 to 255'
            )
        self.label_map = label_map

    def transform(self, results: dict) -> dict:
        """Load the mask.

        Raises:
            BadImageError: The file is unreadable, of several bands, of
                another size than the image, or holds an unknown value.
        """
        if results.get('seg_map_path') is None:
            return results
        label_map = self.label_map or results.get('label_map')
        if label_map is None:
            raise InputError(
                'LoadCloudMask needs label_map, since the data set names none'
            )
        values = read_mask(results)
        shape = results['img'].shape[:2]
        if values.shape != shape:
            raise BadImageError(
                f'{results["seg_map_path"]}: the mask is {values.shape[1]} x '
                f'{values.shape[0]} px, but its image {_first_path(results)} '
                f'is {shape[1]} x {shape[0]} px (width x height)'
            )
        classes = map_labels(values, label_map, results['seg_map_path'])
        if 'valid' in results:
            classes[results['valid'] != 1] = IGNORED
        rows, cols = results.get('counted_from', (0, 0))
        classes[:rows] = classes[:, :cols] = IGNORED
        results['gt_seg_map'] = classes
        results.setdefault('seg_fields', []).append('gt_seg_map')
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(label_map={self.label_map})'


def read_mask(info: dict) -> np.ndarray:
    """Read the values (H, W) of the mask of a sample.

    Args:
        info: Has ``seg_map_path``; ``window``, ``frame`` and ``mask_codes``
            where the data set sets them.

    Raises:
        BadImageError: It is unreadable or not a mask.
    """
    path, window = info['seg_map_path'], info.get('window')
    if info.get('frame') is not None:
        values = read_frame(path, info['frame'], 'msk')[..., 0]
    else:
        values = read_labels(path, window)
    codes = info.get('mask_codes')
    return values if codes is None else MASK_CODES[codes](values)


def map_labels(
    values: np.ndarray, label_map: Mapping[int, int], path: str
) -> np.ndarray:
    """Make classes (H, W), uint8, of the values of a mask.

    Args:
        values: (H, W), whole numbers.
        label_map: Class by value.
        path: Its file, for the error.

    Raises:
        BadImageError: A value is not in `label_map`.
    """
    found, where = np.unique(values, return_inverse=True)
    known = {int(k): v for k, v in label_map.items()}
    unknown = [int(v) for v in found if int(v) not in known]
    if unknown:
        raise BadImageError(unknown_values(path, unknown, known))
    classes = np.array([known[int(v)] for v in found], np.uint8)
    return classes[where].reshape(values.shape)


def unknown_values(
    path: str, unknown: Sequence[int], label_map: Mapping[int, int]
) -> str:
    """Say that a mask holds values that no class is known for."""
    shown = ', '.join(map(str, unknown[:8]))
    return (
        f'{path}: holds the value(s) {shown}, but label_map names '
        f'{", ".join(map(str, label_map))}; give each value its class in '
        'label_map of the data set (255 for pixels to ignore)'
    )


@TRANSFORMS.register_module()
class PerPatchZScore(BaseTransform):
    """Bring each band of a patch to zero mean and unit deviation.

    As OmniCloudMask does (github.com/DPIRD-DMA/OmniCloudMask), so that a
    network need not know the sensor. It comes after all cropping. Pixels that
    are not valid are left out of the statistics, and become 0.

    Required keys: ``img`` (H, W, C); ``valid`` where it is there.

    Args:
        eps: Least deviation, in the unit of the image.
    """

    def __init__(self, eps: float = 1e-6) -> None:
        self.eps = eps

    def transform(self, results: dict) -> dict:
        """Normalise ``img``, as float32."""
        image = _with_bands(results['img']).astype(np.float32)
        valid = np.ones(image.shape[:2], bool)
        if 'valid' in results:
            valid = results['valid'] == 1  # padding made 255
        pixels = image[valid]
        if not pixels.size:
            results['img'] = np.zeros_like(image)
            return results
        mean = pixels.mean(axis=0, dtype=np.float64)
        std = np.maximum(pixels.std(axis=0, dtype=np.float64), self.eps)
        image = ((image - mean) / std).astype(np.float32)
        image[~valid] = 0
        results['img'] = image
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(eps={self.eps})'


@TRANSFORMS.register_module()
class BandJitter(BaseTransform):
    """Change gain and offset of each band at random, as sensors differ.

    The share of the change that all bands have in common is brightness; the
    rest is colour. Pixels that are not valid stay 0.

    Required keys: ``img`` (H, W, C); ``valid`` where it is there.

    Args:
        gain: Largest relative change, e.g. 0.1 for factors of 0.9 to 1.1.
        offset: Largest shift, in parts of the mean of the band.
        common: Share of both that is the same in all bands, 0 to 1.
        prob: How often to jitter at all.
    """

    def __init__(
        self,
        gain: float = 0.1,
        offset: float = 0.05,
        common: float = 0.5,
        prob: float = 0.5,
    ) -> None:
        self.gain = gain
        self.offset = offset
        self.common = common
        self.prob = prob

    def transform(self, results: dict) -> dict:
        """Jitter ``img``, as float32."""
        if random.random() >= self.prob:
            return results
        image = _with_bands(results['img']).astype(np.float32)
        bands = image.shape[2]
        factor = 1 + self.gain * self._draw(bands)
        shift = self.offset * self._draw(bands) * image.mean(axis=(0, 1))
        image = (image * factor + shift).astype(np.float32)
        if 'valid' in results:
            image[results['valid'] != 1] = 0
        results['img'] = image
        return results

    def _draw(self, bands: int) -> np.ndarray:
        """Draw -1 to 1 for each band, in part the same for all."""
        own = np.array([random.uniform(-1, 1) for _ in range(bands)])
        return self.common * random.uniform(-1, 1) + (1 - self.common) * own

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(gain={self.gain}, offset={self.offset}, '
            f'common={self.common}, prob={self.prob})'
        )


@TRANSFORMS.register_module()
class RandomScaleCrop(BaseTransform):
    """Cut out a random square, so large that resizing it gives the crop.

    The same as resizing the image at random and then cropping it, without
    resizing what is cut away; images need not be of one size. An image that
    is smaller than the square is taken whole along that side: padding is left
    to the data preprocessor.

    Required keys: ``img``; ``seg_fields`` where there are masks.

    Modified keys: those, and ``img_shape``.

    Args:
        crop_size: Side of the crop in px.
        ratio_range: Least and largest enlargement.
        cat_max_ratio: Largest part of the known pixels of ``gt_seg_map`` that
            one class may have in the square; the last of ten draws is taken
            as it is. 1: whatever is drawn.
    """

    def __init__(
        self,
        crop_size: int,
        ratio_range: tuple[float, float] = (0.5, 2.0),
        cat_max_ratio: float = 1.0,
    ) -> None:
        self.crop_size = crop_size
        self.ratio_range = ratio_range
        self.cat_max_ratio = cat_max_ratio

    def transform(self, results: dict) -> dict:
        """Cut out and resize."""
        ratio = random.uniform(*self.ratio_range)
        side = max(round(self.crop_size / ratio), 1)
        part = self._draw(results, side)
        height, width = results['img'][part].shape[:2]
        # By the side, so that a whole square is of the size asked for.
        size = tuple(
            max(round(n * self.crop_size / side), 1) for n in (width, height)
        )
        image = _with_bands(results['img'])[part]
        results['img'] = _with_bands(cv2.resize(image, size))
        for key in results.get('seg_fields', ()):
            results[key] = cv2.resize(
                results[key][part], size, interpolation=cv2.INTER_NEAREST
            )
        results['img_shape'] = results['img'].shape[:2]
        return results

    def _draw(self, results: dict, side: int) -> tuple[slice, slice]:
        for _ in range(10):
            part = tuple(
                _random_slice(n, side) for n in results['img'].shape[:2]
            )
            if self.cat_max_ratio >= 1 or 'gt_seg_map' not in results:
                break
            labels = results['gt_seg_map'][part]
            counts = np.bincount(labels[labels != IGNORED], minlength=1)
            if counts.max() < self.cat_max_ratio * counts.sum():
                break
        return part

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(crop_size={self.crop_size}, '
            f'ratio_range={self.ratio_range}, '
            f'cat_max_ratio={self.cat_max_ratio})'
        )


def _random_slice(length: int, part: int) -> slice:
    start = random.randint(0, max(length - part, 0))
    return slice(start, start + part)


@TRANSFORMS.register_module()
class RandomRot90(BaseTransform):
    """Turn the image and its masks by 0, 90, 180 or 270 degrees.

    Required keys: ``img``; ``seg_fields`` where there are masks.

    Modified keys: those, and ``img_shape``.

    Args:
        prob: How often to turn at all; each of the three turns is as likely.
    """

    def __init__(self, prob: float = 0.75) -> None:
        self.prob = prob

    def transform(self, results: dict) -> dict:
        """Turn, or not."""
        if random.random() >= self.prob:
            return results
        turns = random.randint(1, 3)
        for key in ('img', *results.get('seg_fields', ())):
            results[key] = np.ascontiguousarray(np.rot90(results[key], turns))
        results['img_shape'] = results['img'].shape[:2]
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(prob={self.prob})'


def visible_bands(results: dict) -> np.ndarray:
    """Take blue, green and red of ``img`` (H, W, C).

    All bands, where ``bands`` names none of these.
    """
    image = _with_bands(results['img'])
    names = results.get('bands', ())
    found = [i for i, name in enumerate(names) if name in _VISIBLE]
    return image[..., found] if found else image


def _with_bands(image: np.ndarray) -> np.ndarray:
    """Give back the axis that resizing drops of a single band."""
    return image[..., None] if image.ndim == 2 else image
