"""Wrong labels of clouds with the truth kept, for measuring robustness."""

import hashlib
from collections.abc import Sequence

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from mmrs.errors import InputError
from mmrs.registry import TRANSFORMS

from .bands import IGNORED, visible_bands

__all__ = ['PackCloudInputs', 'SyntheticCloudNoise']

BACKGROUND, CLOUD, SNOW = range(3)
_SMOOTH = 2.0  # px, so that noise by brightness is of patches, not of pixels


@TRANSFORMS.register_module()
class SyntheticCloudNoise(BaseTransform):
    """Make the labels of some images wrong, as annotators do (ours).

    Which images, and how, depends on `seed` and the ``sample_id`` alone: an
    image has the same labels in every epoch, worker and run. So it comes
    right after the loading, before all random transforms. A noisy image gets
    the `kinds` one after the other:

    - ``'boundary'``: clouds shrink or grow by a width drawn from 0 to one of
      `radii`. Where they shrink, pixels become what is nearest outside.
    - ``'thin'``: of the pixels of cloud, the dimmest are missed.
    - ``'bright'``: of the background, the brightest blobs are taken for
      clouds.
    - ``'swap'``: in random blobs, cloud and snow are exchanged. It leaves
      images as they are that have not both.

    Ignored pixels stay ignored. The labels are those of the views of two and
    three classes: 1 cloud, 2 snow.

    Required keys: ``img``, ``gt_seg_map``, ``sample_id``; ``bands``, the
    names of bands, tells the visible ones.

    Modified keys: ``gt_seg_map``.

    Added keys: ``gt_true_seg_map`` (H, W), uint8, the labels before, which
    ``seg_fields`` names; ``is_injected``, whether any pixel was changed.

    Args:
        kinds: Which mistakes to make.
        eta: Share of the images that are noisy, 0 to 1.
        seed: Another seed, other images and other mistakes.
        radii: Of ``'boundary'``, in px.
        thin_share: Of ``'thin'``, least and largest part of cloud.
        bright_share: Of ``'bright'``, least and largest part of background.
        swap_share: Of ``'swap'``, least and largest part of the image.
        min_blob: Smallest blob of ``'bright'``, in px.
        blob_size: About the width of a blob of ``'swap'``, in px.
    """

    def __init__(
        self,
        kinds: Sequence[str] = ('boundary', 'thin', 'bright', 'swap'),
        eta: float = 0.4,
        seed: int = 0,
        radii: Sequence[int] = (5, 10, 20),
        thin_share: tuple[float, float] = (0.2, 0.6),
        bright_share: tuple[float, float] = (0.05, 0.2),
        swap_share: tuple[float, float] = (0.2, 0.5),
        min_blob: int = 16,
        blob_size: int = 32,
    ) -> None:
        unknown = set(kinds) - _KINDS.keys()
        if unknown:
            raise InputError(
                f'SyntheticCloudNoise(kinds={tuple(kinds)}): '
                f'{min(unknown)!r} is none of {", ".join(_KINDS)}'
            )
        if not 0 <= eta <= 1:
            raise InputError(
                f'SyntheticCloudNoise(eta={eta}): is a share, 0 to 1'
            )
        self.kinds = tuple(kinds)
        self.eta = eta
        self.seed = seed
        self.radii = tuple(radii)
        self.thin_share = thin_share
        self.bright_share = bright_share
        self.swap_share = swap_share
        self.min_blob = min_blob
        self.blob_size = blob_size

    def is_noisy(self, sample_id: str) -> bool:
        """Whether an image is among those whose labels are made wrong."""
        return self._generator(sample_id).random() < self.eta

    def transform(self, results: dict) -> dict:
        """Change the labels, or not.

        Raises:
            InputError: The labels are not loaded.
        """
        if 'gt_seg_map' not in results:
            raise InputError(
                'SyntheticCloudNoise must come after LoadCloudMask in the '
                f'pipeline, and {results["sample_id"]} needs a mask'
            )
        truth = results['gt_seg_map']
        labels = truth.copy()
        generator = self._generator(results['sample_id'])
        if generator.random() < self.eta:
            brightness = smooth_brightness(results)
            for kind in self.kinds:
                labels = _KINDS[kind](self, labels, brightness, generator)
            labels[truth == IGNORED] = IGNORED
        results['gt_seg_map'] = labels
        results['gt_true_seg_map'] = truth
        results['is_injected'] = bool((labels != truth).any())
        results.setdefault('seg_fields', []).append('gt_true_seg_map')
        return results

    def _generator(self, sample_id: str) -> np.random.Generator:
        """Numbers that depend on the seed and the image alone."""
        digest = hashlib.blake2b(
            f'{self.seed} {sample_id}'.encode(), digest_size=8
        ).digest()
        return np.random.default_rng(int.from_bytes(digest, 'little'))

    def _boundary(self, labels, brightness, generator) -> np.ndarray:
        width = generator.uniform(0, generator.choice(self.radii))
        cloud = labels == CLOUD
        if generator.random() < 0.5:
            grown = _distance_to(cloud) <= width
            return np.where(grown, np.uint8(CLOUD), labels)
        return _shrink(labels, cloud, width)

    def _thin(self, labels, brightness, generator) -> np.ndarray:
        share = generator.uniform(*self.thin_share)
        cloud = labels == CLOUD
        if not cloud.any():
            return labels
        limit = np.quantile(brightness[cloud], share)
        missed = cloud & (brightness < limit)
        return np.where(missed, np.uint8(BACKGROUND), labels)

    def _bright(self, labels, brightness, generator) -> np.ndarray:
        share = generator.uniform(*self.bright_share)
        background = labels == BACKGROUND
        if not background.any():
            return labels
        limit = np.quantile(brightness[background], 1 - share)
        false = _drop_small(background & (brightness > limit), self.min_blob)
        return np.where(false, np.uint8(CLOUD), labels)

    def _swap(self, labels, brightness, generator) -> np.ndarray:
        share = generator.uniform(*self.swap_share)
        inside = self._blobs(labels.shape, share, generator)
        cloud, snow = labels == CLOUD, labels == SNOW
        if not (cloud.any() and snow.any()):
            return labels
        swapped = labels.copy()
        swapped[inside & cloud], swapped[inside & snow] = SNOW, CLOUD
        return swapped

    def _blobs(self, shape, share, generator) -> np.ndarray:
        """Draw round patches (H, W) that cover a share of the image."""
        height, width = shape
        coarse = generator.random(
            (height // self.blob_size + 2, width // self.blob_size + 2)
        )
        field = cv2.resize(
            coarse.astype(np.float32),
            (width, height),
            interpolation=cv2.INTER_CUBIC,
        )
        return field > np.quantile(field, 1 - share)

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(kinds={self.kinds}, eta={self.eta}, '
            f'seed={self.seed}, radii={self.radii}, '
            f'thin_share={self.thin_share}, '
            f'bright_share={self.bright_share}, '
            f'swap_share={self.swap_share}, min_blob={self.min_blob}, '
            f'blob_size={self.blob_size})'
        )


_KINDS = dict(
    boundary=SyntheticCloudNoise._boundary,
    thin=SyntheticCloudNoise._thin,
    bright=SyntheticCloudNoise._bright,
    swap=SyntheticCloudNoise._swap,
)


def smooth_brightness(results: dict) -> np.ndarray:
    """Mean of the visible bands (H, W), float32, blurred by two pixels."""
    bright = visible_bands(results).mean(axis=2, dtype=np.float32)
    return cv2.GaussianBlur(bright, (0, 0), _SMOOTH)


def _distance_to(mask: np.ndarray) -> np.ndarray:
    """Distance (H, W) in px to the nearest pixel of a mask (H, W), bool."""
    if not mask.any():
        return np.full(mask.shape, np.inf, np.float32)
    return cv2.distanceTransform(
        (~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE
    )


def _shrink(labels: np.ndarray, cloud: np.ndarray, width: float) -> np.ndarray:
    """Give the rim of clouds the label of the nearest pixel outside."""
    if cloud.all():
        return labels
    distance, nearest = cv2.distanceTransformWithLabels(
        cloud.astype(np.uint8),
        cv2.DIST_L2,
        cv2.DIST_MASK_5,
        labelType=cv2.DIST_LABEL_PIXEL,
    )
    outside = np.full(nearest.max() + 1, BACKGROUND, np.uint8)
    outside[nearest[~cloud]] = labels[~cloud]
    outside[outside == IGNORED] = BACKGROUND
    rim = cloud & (distance <= width)
    return np.where(rim, outside[nearest], labels)


def _drop_small(mask: np.ndarray, least: int) -> np.ndarray:
    """Drop connected parts of a mask (H, W), bool, below a size in px."""
    _, parts, stats, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=8
    )
    large = stats[:, cv2.CC_STAT_AREA] >= least
    large[0] = False  # what is not of the mask
    return large[parts]


@TRANSFORMS.register_module()
class PackCloudInputs(BaseTransform):
    """Pack as ``mmseg.PackSegInputs`` does, with the truth beside the labels.

    Of an image that :class:`SyntheticCloudNoise` handled, the sample has
    ``gt_true_seg_map``, ``PixelData`` of ``data`` (1, H, W), int64, too.

    Args:
        meta_keys: What becomes metainfo of the sample, as far as it is there.
    """

    def __init__(
        self,
        meta_keys: Sequence[str] = (
            'img_path',
            'seg_map_path',
            'ori_shape',
            'img_shape',
            'pad_shape',
            'sample_id',
            'sample_idx',
            'subset',
            'difficulty',
            'is_injected',
            'flip',
            'flip_direction',
        ),
    ) -> None:
        # The registry imports mmsegmentation, so not at module level.
        self.pack = TRANSFORMS.build(
            dict(type='mmseg.PackSegInputs', meta_keys=tuple(meta_keys))
        )

    def transform(self, results: dict) -> dict:
        """Make ``inputs`` (C, H, W) and ``data_samples``."""
        import torch
        from mmengine.structures import PixelData

        packed = self.pack(results)
        if 'gt_true_seg_map' in results:
            truth = results['gt_true_seg_map'][None].astype(np.int64)
            packed['data_samples'].gt_true_seg_map = PixelData(
                data=torch.from_numpy(truth)
            )
        return packed

    def __repr__(self) -> str:
        return f'{type(self).__name__}(meta_keys={self.pack.meta_keys})'
