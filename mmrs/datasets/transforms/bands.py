"""Loading and augmenting images of any number of bands, and cloud masks."""

import random
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from mmrs.errors import BadImageError, InputError
from mmrs.registry import TRANSFORMS

from .mask_codes import MASK_CODES
from .raster_files import read_raster

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


@TRANSFORMS.register_module()
class LoadBands(BaseTransform):
    """Load bands by name, in a physical unit, or say what is wrong.

    The files of an image, one or several, are read and their bands put one
    behind the other; then bands are picked by name. Values become
    ``stored * scale + offset``. What is not given here is the data set's.

    Pixels where all bands have the `nodata` value, or any is not finite, are
    not valid: they become 0, and :class:`LoadCloudMask` ignores them.

    Required keys: ``img_path``, one path or several. Of a
    :class:`~mmrs.datasets.CloudDataset` also ``file_bands``, the names of all
    bands of the files in their order, ``bands``, ``scale``, ``offset``,
    ``nodata``, ``value_range``, and, where they are there, ``window`` and
    ``frame``, as of ``raster_files.read_raster``.

    Added keys: ``img`` (H, W, C), float32; ``bands``, the names of the C
    bands; ``img_shape`` and ``ori_shape``, both (H, W); ``valid`` (H, W),
    uint8, 1 where a pixel is valid, if some are not. ``seg_fields`` names
    ``valid``, so that the transforms of mmsegmentation move it along.

    Args:
        bands: Names of the bands to load in their order, or their numbers in
            the files, from 0. None: those of the data set, or all.
        scale: Factor of the stored values, for all bands, one a band, or by
            name.
        offset: Added after that, in the unit of the result; likewise.
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
        return self.take(results, _read_files(results))

    def take(
        self,
        results: dict,
        stored: np.ndarray,
        valid: np.ndarray | None = None,
    ) -> dict:
        """Do what follows the reading, for pixels that were read elsewhere.

        Args:
            results: As of :meth:`transform`; ``img_path`` is for errors.
            stored: (H, W, bands), as the files have them.
            valid: Pixels that may have data, (H, W) bool; None: all.

        Returns:
            `results`, with the keys that :meth:`transform` adds.

        Raises:
            BadImageError: As of :meth:`transform`.
        """
        names = _file_bands(results, stored.shape[2])
        picked = self._pick(results, names)
        results['bands'] = tuple(names[i] for i in picked)
        stored = stored[..., picked]
        valid = self._valid(results, stored, valid)
        image = self._convert(results, stored) if self.to_float32 else stored
        if valid is not None:
            image = np.where(valid[..., None], image, image.dtype.type(0))
            results['valid'] = valid.astype(np.uint8)
            results.setdefault('seg_fields', []).append('valid')
        if self.to_float32:
            self._check_range(results, image, stored, valid)
        results['img'] = image
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        return results

    def _pick(self, results: dict, names: Sequence) -> list[int]:
        """Numbers of the bands to take, in the files' order."""
        wanted = self.bands or results.get('bands') or range(len(names))
        known = {name: i for i, name in enumerate(names)}
        picked = []
        for band in wanted:
            number = known.get(band, band)
            if not isinstance(number, int) or number >= len(names):
                raise BadImageError(
                    f'{_first_path(results)}: has no band {band!r}, but '
                    f'{", ".join(map(str, names))}; set bands of LoadBands '
                    'or of the data set'
                )
            picked.append(number)
        return picked

    def _valid(
        self, results: dict, stored: np.ndarray, known: np.ndarray | None
    ) -> np.ndarray | None:
        """Which pixels (H, W) have data; None where all have."""
        nodata = results.get('nodata') if self.nodata is None else self.nodata
        valid = np.ones(stored.shape[:2], bool)
        if known is not None:
            valid &= known
        if np.issubdtype(stored.dtype, np.floating):
            valid &= np.isfinite(stored).all(axis=2)
        if nodata is not None:
            valid &= (stored != nodata).any(axis=2)
        if not valid.any() and not self.allow_blank:
            raise BadImageError(
                f'{_first_path(results)}: has no pixel with data (all are '
                f'{nodata if nodata is not None else "NaN"}); take it out of '
                'the list, or set allow_blank=True of LoadBands'
            )
        return None if valid.all() else valid

    def _convert(self, results: dict, stored: np.ndarray) -> np.ndarray:
        image = stored.astype(np.float32)
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

    def _check_range(
        self,
        results: dict,
        image: np.ndarray,
        stored: np.ndarray,
        valid: np.ndarray | None,
    ) -> None:
        """Refuse digital numbers where reflectance is expected, and so on."""
        expected = self.value_range or results.get('value_range')
        if expected is None:
            return
        low, high = expected
        part = np.s_[::_SAMPLE_STEP, ::_SAMPLE_STEP]
        sample = image[part]
        if valid is not None:
            sample = sample[valid[part]]
        if not sample.size:
            return
        median, top = np.percentile(sample, (50, 99))
        width = high - low
        if low - width <= median <= high + 2 * width and (
            top - low >= width / 1000
        ):
            return
        raise BadImageError(
            f'{_first_path(results)}: its values are about {median:.3g}, but '
            f'{low:g} to {high:g} is expected; '
            f'{_advise(float(np.median(stored[part])))}'
        )

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(bands={self.bands}, scale={self.scale}, '
            f'offset={self.offset}, nodata={self.nodata}, '
            f'value_range={self.value_range}, '
            f'allow_blank={self.allow_blank}, to_float32={self.to_float32})'
        )


def _advise(stored: float) -> str:
    """Say which scale values of a file may need, by their median."""
    if stored <= 2:
        hint = 'scale=1 for reflectance'
    elif stored <= 255:
        hint = 'scale=1 / 255 for 8-bit values'
    elif stored <= 1023:
        hint = 'scale=1 / 1023 for 10-bit or 1e-4 for reflectance * 10000'
    else:
        hint = (
            'scale=1e-4 for reflectance * 10000, or scale=2e-5, offset=-0.1 '
            'for Landsat 8 Level 1'
        )
    return (
        f'the file holds values of about {stored:.3g}: set scale (and offset) '
        f'of LoadBands or of the data set, e.g. {hint}'
    )


def _first_path(results: dict) -> str:
    path = results['img_path']
    return path if isinstance(path, str) else path[0]


def _read_files(results: dict) -> np.ndarray:
    """Read all bands (H, W, bands) of all files of an image."""
    paths = results['img_path']
    paths = [paths] if isinstance(paths, str) else paths
    place = {k: results.get(k) for k in ('window', 'frame')}
    arrays = [read_raster(path, **place) for path in paths]
    for path, array in zip(paths, arrays):
        if array.shape[:2] != arrays[0].shape[:2]:
            (h, w), (height, width) = array.shape[:2], arrays[0].shape[:2]
            raise BadImageError(
                f'{path}: is {w} x {h} px, but {paths[0]} of the same image '
                f'is {width} x {height} px (width x height)'
            )
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays, axis=2)


def _file_bands(results: dict, count: int) -> Sequence:
    """Names of the bands in the files, or numbers where there are none."""
    names = results.get('file_bands')
    if names is None:
        return range(count)
    if len(names) != count:
        raise BadImageError(
            f'{_first_path(results)}: has {count} band(s), but '
            f'{len(names)} are expected: {", ".join(names)}; set file_bands '
            'of the data set to what the file holds, in its order'
        )
    return names


@TRANSFORMS.register_module()
class LoadCloudMask(BaseTransform):
    """Load a mask, and make classes of its values.

    Pixels that :class:`LoadBands` found without data are ignored. An image
    that has no mask (``seg_map_path`` None) is left as it is.

    Required keys: ``seg_map_path``; ``img``; of a data set also
    ``label_map``, and, where they are there, ``window``, ``frame`` and
    ``mask_codes``.

    Added keys: ``gt_seg_map`` (H, W), uint8; ``seg_fields`` names it.

    Args:
        label_map: Class of each value in the file; 255 is the class that is
            ignored. None: that of the data set.
    """

    def __init__(self, label_map: Mapping[int, int] | None = None) -> None:
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
    path = info['seg_map_path']
    bands = read_raster(path, info.get('window'), info.get('frame'), 'msk')
    if bands.dtype.kind not in 'biu' or (bands != bands[..., :1]).any():
        raise BadImageError(
            f'{path}: is a picture of {bands.shape[2]} {bands.dtype} bands, '
            'not a mask; a mask has one band of whole numbers, or equal ones'
        )
    values = bands[..., 0]
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
