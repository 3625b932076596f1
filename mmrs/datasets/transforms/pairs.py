"""Transforms of image pairs, their masks and their sentences."""

import random
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from mmcv.transforms import BaseTransform, Compose

from mmrs.errors import BadImageError, InputError
from mmrs.geo.images import read_labels
from mmrs.geo.pictures import check_orientation
from mmrs.geo.sensors import common_names, has_names
from mmrs.geo.source import Source, check_same_grid, open_source
from mmrs.registry import TRANSFORMS
from mmrs.structures import WORD_CLASSES, ChangeDataSample
from mmrs.structures.change_words import names_any
from mmrs.structures.vocabulary import END

from .loading import check_stretch, pick_bands, to_uint8

__all__ = [
    'BiTemporal',
    'EncodeCaption',
    'ExchangeTime',
    'FlipPair',
    'LoadChangeMask',
    'LoadImagePair',
    'LoadPseudoMask',
    'PackChangeInputs',
]

IGNORED = 255  # the class of mask pixels that no loss and no score counts


@TRANSFORMS.register_module()
class LoadImagePair(BaseTransform):
    """Load the images of both dates, with the checks of ``LoadRSImage``.

    Images keep all bands of their files, in the file's order (red, green and
    blue where there are three). Two dates must lie on the same grid. Where
    one of them has no data, nothing can be compared: masks are ignored there.

    Required keys: ``img_path``, two paths, the earlier date first.

    Added keys: ``imgs``, two arrays (H, W, bands), uint8 (or float32 of the
    same values 0 to 255); ``img_shape`` and ``ori_shape``, both (H, W);
    ``valid`` (H, W) bool, where both dates have data, if some have not.

    Args:
        bands: Which bands to take, counted from 0 in the file's order;
            ``(0, 0, 0)`` makes three equal bands of one. None: all.
        stretch: The values of the files that become 0 and 255. Needed for
            files that are not 8-bit, e.g. ``(0, 3000)`` for Sentinel-2.
        to_float32: Return float32, so that later resizing does not round.
        orientation: As of :class:`~mmrs.datasets.LoadRSImage`.
    """

    def __init__(
        self,
        bands: Sequence[int] | None = None,
        stretch: tuple[float, float] | None = None,
        to_float32: bool = False,
        orientation: str = 'shown',
    ) -> None:
        check_orientation(orientation)
        check_stretch(stretch, 'LoadImagePair')
        self.bands = bands
        self.stretch = stretch
        self.to_float32 = to_float32
        self.orientation = orientation

    def transform(self, results: dict) -> dict:
        """Load the images of ``results['img_path']``.

        Raises:
            BadImageError: A file is missing, unreadable or truncated, or its
                values need a choice; or the two differ in size, bands or
                grid.
        """
        dates = [
            open_source(path, orientation=self.orientation)
            for path in results['img_path']
        ]
        if self.bands is not None:
            for date in dates:
                pick_bands(date, self.bands, 'LoadImagePair')
        check_same_grid(*dates)
        _check_alike(*dates)
        if self.bands is None:
            _pick_alike(*dates)
        read = [date.read_all() for date in dates]
        images = to_uint8_alike(
            read, self.stretch, dates[1].name, 'LoadImagePair'
        )
        if self.to_float32:
            images = [image.astype(np.float32) for image in images]
        valids = [valid for _, valid in read if valid is not None]
        if valids:
            results['valid'] = np.logical_and.reduce(valids)
        results['imgs'] = images
        results['img_shape'] = results['ori_shape'] = images[0].shape[:2]
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(bands={self.bands}, '
            f'stretch={self.stretch}, to_float32={self.to_float32}, '
            f'orientation={self.orientation!r})'
        )


def to_uint8_alike(
    dates: Sequence[tuple[np.ndarray, np.ndarray | None]],
    stretch: tuple[float, float] | None,
    path: str,
    caller: str,
) -> list[np.ndarray]:
    """Bring images of several dates to 8 bits, by one stretch.

    Args:
        dates: Pixels (H, W, bands) and where they have data.
        stretch: The values that become 0 and 255.
        path: A file, for the error.
        caller: The transform that asks, for the error.

    Raises:
        BadImageError: One is not 8-bit, and there is no `stretch`; the one
            that is proposed fits all dates.
    """
    if stretch is None and any(p.dtype != np.uint8 for p, _ in dates):
        values = [p if v is None else p[v] for p, v in dates]
        bands = dates[0][0].shape[2]
        together = np.concatenate([v.reshape(-1, bands) for v in values])
        to_uint8(together[:, None], None, stretch, path, caller)
    return [to_uint8(p, v, stretch, path, caller) for p, v in dates]


def _check_alike(earlier: Source, later: Source) -> None:
    if len(earlier.picked) != len(later.picked):
        raise BadImageError(
            f'{later.name}: has {len(later.picked)} band(s), but the earlier '
            f'date {earlier.name} has {len(earlier.picked)}; name bands that '
            'both have, e.g. LoadImagePair(bands=(0, 1, 2))'
        )


def _pick_alike(earlier: Source, later: Source) -> None:
    """Take the bands of the later date in the order of the earlier one."""
    names = [
        [common or name for common, name in zip(
            common_names(date.all_bands, None, date.name), date.all_bands)]
        for date in (earlier, later)
    ]  # fmt: skip
    if names[0] == names[1] or not all(map(has_names, names)):
        return
    if sorted(map(str, names[0])) != sorted(map(str, names[1])):
        raise BadImageError(
            f'{later.name}: has the bands {", ".join(map(str, names[1]))}, '
            f'but the earlier date {earlier.name} has '
            f'{", ".join(map(str, names[0]))}; name bands that both have, '
            'e.g. LoadImagePair(bands=(0, 1, 2))'
        )
    later.pick([names[1].index(name) for name in names[0]])


@TRANSFORMS.register_module()
class LoadChangeMask(BaseTransform):
    """Load a mask of change, and make classes of its values.

    Required keys: ``seg_map_path``; ``ori_shape``, to be compared with it.

    Added keys: ``gt_seg_map`` (H, W), uint8.

    Args:
        label_map: Class of each value in the file; 255 is the class that is
            ignored. The default is LEVIR-MCI's: 128 road, 255 building.
        threshold: Instead of `label_map`, for masks of two classes: values
            from this one on are class 1, all below are class 0.
    """

    def __init__(
        self,
        label_map: dict[int, int] | None = None,
        threshold: int | None = None,
    ) -> None:
        if label_map is not None and threshold is not None:
            raise InputError(
                'LoadChangeMask takes either label_map or threshold, not both'
            )
        self.threshold = threshold
        self.label_map = label_map or {0: 0, 128: 1, 255: 2}
        if threshold is not None:
            self.label_map = {v: int(v >= threshold) for v in range(256)}
        self._classes = np.full(256, IGNORED, np.uint8)
        self._is_known = np.zeros(256, bool)
        for value, number in self.label_map.items():
            if not {int(value), int(number)} <= {*range(256)}:
                raise InputError(
                    f'LoadChangeMask(label_map={dict(self.label_map)}): '
                    'values and classes are from 0 to 255'
                )
            self._classes[int(value)] = number
            self._is_known[int(value)] = True

    def transform(self, results: dict) -> dict:
        """Load ``results['seg_map_path']``.

        Raises:
            BadImageError: The file is missing, unreadable or not of one
                8-bit band, has another size than the images, or a value that
                is not in `label_map`.
        """
        path = results['seg_map_path']
        values = read_mask(path, results)
        is_known = self._is_known[values]
        if not is_known.all():
            shown = np.unique(values[~is_known])[:5].tolist()
            raise BadImageError(
                f'{path}: holds the value(s) {", ".join(map(str, shown))} '
                f'that LoadChangeMask(label_map={dict(self.label_map)}) does '
                'not know; name the class of each value there (255 for '
                'pixels to ignore)'
            )
        results['gt_seg_map'] = self._classes[values]
        ignore_gaps(results)
        return results

    def __repr__(self) -> str:
        if self.threshold is not None:
            return f'{type(self).__name__}(threshold={self.threshold})'
        return f'{type(self).__name__}(label_map={dict(self.label_map)})'


def ignore_gaps(results: dict) -> None:
    """Ignore the pixels of a mask where a date has no data."""
    if 'valid' in results:
        results['gt_seg_map'][~results['valid']] = IGNORED


def read_mask(path: str | Path, results: dict) -> np.ndarray:
    """Read the values (H, W) of a mask of one band, or of equal bands.

    Args:
        path: The file.
        results: Has ``ori_shape``, the (H, W) of the images, where they are
            loaded.

    Raises:
        BadImageError: It is unreadable, of another kind, or of another size.
    """
    labels = read_labels(path)
    if labels.dtype != np.uint8:
        raise BadImageError(
            f'{path}: holds {labels.dtype} values, not a mask of 8 bits'
        )
    shape = results.get('ori_shape', labels.shape)
    if tuple(shape) != labels.shape:
        raise BadImageError(
            f'{path}: the mask is {labels.shape[1]} x {labels.shape[0]} px, '
            f'but its images {results["img_path"][0]} are {shape[1]} x '
            f'{shape[0]} px (width x height)'
        )
    return labels


@TRANSFORMS.register_module()
class LoadPseudoMask(BaseTransform):
    """Load what a teacher predicted of building change, and clean it.

    The files are those of Pix4Cap's pseudo-label pipeline: ``pseudo`` holds
    0 and 255, ``pseudo_prob`` round(255 p) of the probability p of change.

    Cleaning compares with the captions. An unchanged pair's mask becomes 0:
    exact, and half of LEVIR-CC. All of a changed pair's mask is ignored where
    the teacher saw no change, or where no caption names what the teacher was
    trained to see: the mask is silent on what did change.

    Required keys: ``pseudo_path``, or ``pseudo_prob_path`` for `kind`
    ``'soft'`` and for `ignore_band` (for ``'hard'``, it serves in place of
    the other, too); for cleaning ``has_change`` and ``captions``.

    Added keys: ``gt_seg_map`` (H, W), uint8, 0, 1, or 255 for ignored pixels;
    for ``'soft'``, ``gt_mask_prob`` (H, W), float32.

    Args:
        kind: ``'hard'``: two classes. ``'soft'``: probabilities as well.
        ignore_band: Ignore pixels with a probability between these two.
        clean: Clean by the captions.
        words: What the teacher's change is called in captions; None: do not
            ask the words of changed pairs. By default those of buildings.
    """

    def __init__(
        self,
        kind: str = 'hard',
        ignore_band: tuple[float, float] | None = None,
        clean: bool = True,
        words: Sequence[str] | None = tuple(WORD_CLASSES['building']),
    ) -> None:
        if kind not in ('hard', 'soft'):
            raise InputError(
                f"LoadPseudoMask(kind={kind!r}): must be 'hard' or 'soft'"
            )
        self.kind = kind
        self.ignore_band = ignore_band
        self.clean = clean
        self.words = words

    def transform(self, results: dict) -> dict:
        """Load the pseudo-label of a pair.

        Raises:
            InputError: The data set names no such files.
            BadImageError: The file is unreadable, of another size than the
                images, or no mask of this kind.
        """
        prob = self._read(results)
        mask = (prob >= 0.5).astype(np.uint8)
        if self.ignore_band is not None:
            low, high = self.ignore_band
            mask[(prob > low) & (prob < high)] = IGNORED
        if self.clean:
            self._clean(mask, prob, results)
        results['gt_seg_map'] = mask
        ignore_gaps(results)
        if self.kind == 'soft':
            results['gt_mask_prob'] = prob
        return results

    def _read(self, results: dict) -> np.ndarray:
        """Probabilities (H, W), of 0 and 1 alone in a hard file."""
        needs_prob = self.kind == 'soft' or self.ignore_band is not None
        if 'pseudo_prob_path' in results and (
            needs_prob or 'pseudo_path' not in results
        ):
            values = read_mask(results['pseudo_prob_path'], results)
            return values / np.float32(255)
        if needs_prob or 'pseudo_path' not in results:
            key = 'pseudo_prob' if needs_prob else 'pseudo'
            raise InputError(
                f'LoadPseudoMask(kind={self.kind!r}, ignore_band='
                f'{self.ignore_band}) needs the files of {key}; name their '
                f"folder: data_prefix=dict({key}='images/{{split}}/{key}')"
            )
        path = results['pseudo_path']
        values = read_mask(path, results)
        if not np.isin(values, (0, 255)).all():
            raise BadImageError(
                f'{path}: holds other values than 0 and 255; name '
                'probabilities as such: data_prefix=dict(pseudo=None, '
                "pseudo_prob='...')"
            )
        return values / np.float32(255)

    def _clean(
        self, mask: np.ndarray, prob: np.ndarray, results: dict
    ) -> None:
        if 'has_change' not in results:
            raise InputError(
                'LoadPseudoMask(clean=True) compares with captions, which '
                'the data set does not have; set ann_file of the data set, '
                'or clean=False'
            )
        if not results['has_change']:
            mask[:] = prob[:] = 0
            return
        is_silent = self.words is not None and not names_any(
            results['captions'], self.words
        )
        if is_silent or not (mask == 1).any():
            mask[:] = IGNORED

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(kind={self.kind!r}, '
            f'ignore_band={self.ignore_band}, clean={self.clean})'
        )


class _RandomStates:
    """The states of all generators that transforms draw from."""

    def __init__(self) -> None:
        self.states = (
            random.getstate(),
            np.random.get_state(),  # noqa: NPY002
            torch.get_rng_state(),
        )

    def restore(self) -> None:
        random.setstate(self.states[0])
        np.random.set_state(self.states[1])  # noqa: NPY002
        torch.set_rng_state(self.states[2])


@TRANSFORMS.register_module()
class BiTemporal(BaseTransform):
    """Apply transforms of single images to both dates and to the mask.

    The transforms see the image as ``img`` and the mask as ``gt_seg_map``,
    and draw the same random numbers for each date: a crop, flip or resize is
    the same for all. A transform that changes geometry must therefore treat
    ``gt_seg_map`` where there is one, as those of mmcv and mmsegmentation do
    and some of mmpretrain do not. One that chooses by what the mask holds, as
    ``mmseg.RandomCrop(cat_max_ratio=...)``, does not fit ``gt_mask_prob``.

    Required keys: ``imgs``.

    Modified keys: ``imgs``, ``img_shape``; ``gt_seg_map`` and
    ``gt_mask_prob`` where they are there. What else the transforms add for
    the earlier date, e.g. ``scale_factor`` or ``flip``, is kept.

    Args:
        transforms: Of mmcv, mmpretrain or mmrs.
        share_random: Draw the same random numbers for both dates. False: draw
            anew, for photometric transforms only; they do not see the mask.
    """

    def __init__(
        self, transforms: Sequence[dict], share_random: bool = True
    ) -> None:
        self.transforms = Compose(
            [
                TRANSFORMS.build(t) if isinstance(t, dict) else t
                for t in transforms
            ]
        )
        self.share_random = share_random

    def transform(self, results: dict) -> dict | None:
        """Transform both dates; None where a transform gives None.

        Raises:
            InputError: A transform left dates or mask of different sizes.
        """
        states = _RandomStates()
        masks = {'gt_seg_map'} if self.share_random else set()
        done = []
        for date in range(2):
            if date and self.share_random:
                states.restore()
            done.append(self._apply(results, date, masks))
        if self.share_random and 'gt_mask_prob' in results:
            states.restore()
            done.append(self._apply_to_prob(results))
        if any(one is None for one in done):
            return None
        self._collect(results, done, masks)
        return results

    def _apply(self, results: dict, date: int, masks: set[str]) -> dict | None:
        hidden = {'imgs', 'gt_seg_map', 'gt_mask_prob'} - masks
        single = {k: v for k, v in results.items() if k not in hidden}
        single['img'] = results['imgs'][date]
        single['img_path'] = results['img_path'][date]
        for key in masks & results.keys():
            single[key] = results[key].copy()
        # By this, the transforms of mmsegmentation know which to treat.
        single['seg_fields'] = [k for k in ('gt_seg_map',) if k in single]
        return self.transforms(single)

    def _apply_to_prob(self, results: dict) -> dict | None:
        """Let probabilities go the way of the mask."""
        as_mask = dict(results, gt_seg_map=results['gt_mask_prob'])
        return self._apply(as_mask, 0, {'gt_seg_map'})

    def _collect(
        self, results: dict, done: list[dict], masks: set[str]
    ) -> None:
        images = [one.pop('img') for one in done[:2]]
        first = done[0]
        shapes = [image.shape[:2] for image in images]
        shapes += [first[key].shape for key in masks & first.keys()]
        if len(set(shapes)) > 1:
            raise InputError(
                'the transforms of BiTemporal left the two dates and the mask '
                f'(H, W) = {", ".join(map(str, shapes))}: one of '
                f'{[type(t).__name__ for t in self.transforms]} does not '
                'treat gt_seg_map, or draws according to the image; use one '
                'of mmcv, or load the mask after it'
            )
        kept = ('img_path', 'gt_mask_prob', 'seg_fields')
        results.update({k: v for k, v in first.items() if k not in kept})
        results['imgs'] = images
        results['img_shape'] = images[0].shape[:2]
        if len(done) == 3:
            # Where padding made the mask 255, so it made this.
            results['gt_mask_prob'] = done[2]['gt_seg_map'].clip(0, 1)

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(transforms={self.transforms}, '
            f'share_random={self.share_random})'
        )


@TRANSFORMS.register_module()
class ExchangeTime(BaseTransform):
    """Exchange the two dates at random.

    Masks of change hold for both orders, captions do not: a house that was
    built would be torn down. Statistics of a date, such as `mean_b` of the
    data preprocessor, do not follow.

    Required keys: ``imgs``, ``img_path``.

    Args:
        prob: How often, 0 to 1.
        only_unchanged: Leave pairs as they are whose ``has_change`` is true,
            so that captions stay true.
    """

    def __init__(self, prob: float, only_unchanged: bool = False) -> None:
        self.prob = prob
        self.only_unchanged = only_unchanged

    def transform(self, results: dict) -> dict:
        """Exchange, or not."""
        draw = np.random.rand()  # noqa: NPY002  (seeded for each epoch)
        if draw < self.prob and not (
            self.only_unchanged and results.get('has_change', True)
        ):
            results['imgs'] = results['imgs'][::-1]
            results['img_path'] = results['img_path'][::-1]
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(prob={self.prob}, '
            f'only_unchanged={self.only_unchanged})'
        )


#: Words that a flip exchanges, by the axis it reverses.
_DIRECTIONS = {1: ('left', 'right'), 0: ('top', 'bottom', 'upper', 'lower')}
_AXES = dict(horizontal=(1,), vertical=(0,), diagonal=(0, 1))


@TRANSFORMS.register_module()
class FlipPair(BaseTransform):
    """Flip both dates, the mask, and the directions that captions name.

    Required keys: ``imgs``; ``gt_seg_map``, ``gt_mask_prob`` and
    ``captions`` are flipped where they are there.

    Args:
        prob: How often to flip at all, 0 to 1.
        direction: ``'horizontal'`` (left and right change places),
            ``'vertical'`` or ``'diagonal'`` (both), or a list of those to
            choose from.
        swap_words: Exchange the words left and right, top and bottom, upper
            and lower in the captions. It must come before EncodeCaption.
    """

    def __init__(
        self,
        prob: float,
        direction: str | Sequence[str] = 'horizontal',
        swap_words: bool = True,
    ) -> None:
        self.prob = prob
        self.direction = (
            [direction] if isinstance(direction, str) else list(direction)
        )
        unknown = set(self.direction) - _AXES.keys()
        if unknown:
            raise InputError(
                f'FlipPair(direction={direction!r}): {unknown.pop()!r} is '
                f'none of {", ".join(_AXES)}'
            )
        self.swap_words = swap_words

    def transform(self, results: dict) -> dict:
        """Flip, or not.

        Raises:
            InputError: The caption is encoded already.
        """
        if self.swap_words and 'gt_ids' in results:
            raise InputError(
                'FlipPair(swap_words=True) must come before EncodeCaption in '
                'the pipeline'
            )
        draw, which = np.random.rand(2)  # noqa: NPY002
        if draw >= self.prob:
            return results
        axes = _AXES[self.direction[int(which * len(self.direction))]]
        results['imgs'] = [_flip(image, axes) for image in results['imgs']]
        for key in ('gt_seg_map', 'gt_mask_prob'):
            if key in results:
                results[key] = _flip(results[key], axes)
        if self.swap_words and 'captions' in results:
            results['captions'] = [
                swap_directions(caption, axes)
                for caption in results['captions']
            ]
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(prob={self.prob}, '
            f'direction={self.direction}, swap_words={self.swap_words})'
        )


def _flip(image: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    return np.ascontiguousarray(np.flip(image, axes))


def swap_directions(caption: str, axes: Sequence[int]) -> str:
    """Exchange the words for the two ends of image axes.

    Args:
        caption: A sentence, its words in any case.
        axes: 0: top and bottom, upper and lower; 1: left and right.
    """
    words = [word for axis in axes for word in _DIRECTIONS[axis]]
    pairs = zip(words[::2], words[1::2])
    other = {a: b for pair in pairs for a, b in (pair, pair[::-1])}

    def swap(match: re.Match) -> str:
        word = other[match[0].lower()]
        return word.capitalize() if match[0][0].isupper() else word

    pattern = rf'\b({"|".join(other)})\b'
    return re.sub(pattern, swap, caption, flags=re.IGNORECASE)


@TRANSFORMS.register_module()
class EncodeCaption(BaseTransform):
    """Choose the caption to train on, and number its words.

    Of a pair that a list names with a caption (``caption_index``), it is that
    one.

    Required keys: ``captions``, ``has_change``, ``vocabulary``, as
    :class:`~mmrs.datasets.ChangePairDataset` gives them.

    Added keys: ``gt_ids`` (T,), int64, from ``<START>`` to ``<END>``.

    Args:
        max_length: T at most; longer captions lose words at their end.
        pick: ``'random'``, or ``'first'``.
        no_change: The caption of unchanged pairs. None: one of theirs.
    """

    def __init__(
        self,
        max_length: int = 42,
        pick: str = 'random',
        no_change: str | None = 'the scene is the same as before',
    ) -> None:
        if pick not in ('random', 'first'):
            raise InputError(
                f"EncodeCaption(pick={pick!r}): must be 'random' or 'first'"
            )
        self.max_length = max_length
        self.pick = pick
        self.no_change = no_change

    def transform(self, results: dict) -> dict:
        """Encode a caption.

        Raises:
            InputError: The pair has no captions.
        """
        if not results.get('captions'):
            raise InputError(
                f'{results["sample_id"]} has no captions to train on; set '
                'ann_file of the data set, or take EncodeCaption out of the '
                'pipeline'
            )
        ids = results['vocabulary'].encode(self._choose(results))
        if len(ids) > self.max_length:
            ids = [*ids[: self.max_length - 1], END]
        results['gt_ids'] = np.array(ids, np.int64)
        return results

    def _choose(self, results: dict) -> str:
        captions = results['captions']
        if not results['has_change'] and self.no_change is not None:
            return self.no_change
        if 'caption_index' in results:
            return captions[results['caption_index']]
        if self.pick == 'first':
            return captions[0]
        return captions[np.random.randint(len(captions))]  # noqa: NPY002

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(max_length={self.max_length}, '
            f'pick={self.pick!r}, no_change={self.no_change!r})'
        )


@TRANSFORMS.register_module()
class PackChangeInputs(BaseTransform):
    """Hand a pair to the model.

    Required keys: ``imgs``; ``gt_ids``, ``gt_seg_map``, ``gt_mask_prob`` and
    `meta_keys` where they are there.

    Returns ``inputs``, a dict of ``img_a`` and ``img_b`` (bands, H, W) in the
    images' dtype, and ``data_samples``, a
    :class:`~mmrs.structures.ChangeDataSample`.

    Args:
        meta_keys: What becomes metainfo of the sample.
    """

    def __init__(
        self,
        meta_keys: Sequence[str] = (
            'sample_id',
            'img_path',
            'ori_shape',
            'img_shape',
            'captions',
            'has_change',
        ),
    ) -> None:
        self.meta_keys = meta_keys

    def transform(self, results: dict) -> dict:
        """Make tensors and a data sample."""
        results['img_shape'] = results['imgs'][0].shape[:2]
        img_a, img_b = (_to_tensor(image) for image in results['imgs'])
        sample = ChangeDataSample(
            metainfo={k: results[k] for k in self.meta_keys if k in results}
        )
        if 'gt_ids' in results:
            sample.gt_ids = torch.from_numpy(results['gt_ids'])
        if 'gt_seg_map' in results:
            mask = results['gt_seg_map'].astype(np.int64)
            sample.gt_mask = torch.from_numpy(mask)
        if 'gt_mask_prob' in results:
            prob = np.ascontiguousarray(results['gt_mask_prob'], np.float32)
            sample.gt_mask_prob = torch.from_numpy(prob)
        return dict(inputs=dict(img_a=img_a, img_b=img_b), data_samples=sample)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(meta_keys={tuple(self.meta_keys)})'


def _to_tensor(image: np.ndarray) -> torch.Tensor:
    if image.ndim == 2:  # some transforms drop the axis of a single band
        image = image[..., None]
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
