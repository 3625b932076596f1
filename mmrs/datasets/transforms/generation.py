"""Tiles for generation: their resolution, their condition, and packing."""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from mmcv.transforms import BaseTransform

from mmrs.errors import InputError
from mmrs.registry import TRANSFORMS
from mmrs.structures import GenDataSample

_INTERPOLATIONS = dict(
    area=cv2.INTER_AREA, bilinear=cv2.INTER_LINEAR, bicubic=cv2.INTER_CUBIC
)


def resize(
    image: np.ndarray, size: tuple[int, int], interpolation: str
) -> np.ndarray:
    """Resize an image.

    Args:
        image: (H, W, 3).
        size: Height and width.
        interpolation: ``'area'``, ``'bilinear'`` or ``'bicubic'``. Only the
            first sees all pixels where it reduces.
    """
    return cv2.resize(
        image, size[::-1], interpolation=_INTERPOLATIONS[interpolation]
    )


@TRANSFORMS.register_module()
class ReduceResolution(BaseTransform):
    """Bring an image to its level of the pyramid, by means of areas.

    Required keys: ``img``; ``reduce``, the factor, and ``resolution``, as
    :class:`~mmrs.datasets.ResolutionPyramidDataset` gives them.

    Modified keys: ``img``, ``img_shape``, ``resolution``.

    Args:
        jitter: Change the factor by a random share of so many octaves, up or
            down (ours, for generation at any resolution). The image is never
            enlarged: there would be no detail for its resolution.
    """

    def __init__(self, jitter: float = 0.0) -> None:
        self.jitter = jitter

    def transform(self, results: dict) -> dict:
        """Reduce."""
        level = results.get('reduce', 1)
        octaves = self.jitter * np.random.uniform(-1, 1)  # noqa: NPY002
        factor = max(1.0, level * 2**octaves)
        image = results['img']
        height, width = image.shape[:2]
        size = max(1, round(height / factor)), max(1, round(width / factor))
        if size == (height, width):
            return results
        results['img'] = resize(image, size, 'area')
        results['img_shape'] = size
        # Rounding the size has changed the factor a little.
        results['resolution'] *= height / size[0] / level
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(jitter={self.jitter})'


@TRANSFORMS.register_module()
class CropTile(BaseTransform):
    """Cut out a square.

    Required key: ``img``. Modified keys: ``img``, ``img_shape``.

    Args:
        size: Side in pixels; a multiple of four.
        where: ``'random'`` or ``'centre'``.
    """

    def __init__(self, size: int = 256, where: str = 'random') -> None:
        if where not in ('random', 'centre') or size < 4 or size % 4:
            raise InputError(
                f'CropTile(size={size}, where={where!r}): where must be '
                "'random' or 'centre', and size a multiple of four"
            )
        self.size = size
        self.where = where

    def transform(self, results: dict) -> dict:
        """Crop.

        Raises:
            InputError: The image is smaller than the tile.
        """
        image = results['img']
        height, width = image.shape[:2]
        if min(height, width) < self.size:
            raise InputError(
                f'{results.get("img_path", "an image")}: has {width} x '
                f'{height} px at {results.get("resolution", 0):g} m, less '
                f'than a tile of CropTile(size={self.size}); lower size, or '
                'jitter and levels, or take larger images'
            )
        share = (0.5, 0.5)
        if self.where == 'random':
            share = np.random.rand(2)  # noqa: NPY002
        top = int(share[0] * (height - self.size + 1))
        left = int(share[1] * (width - self.size + 1))
        tile = image[top : top + self.size, left : left + self.size]
        results['img'] = np.ascontiguousarray(tile)
        results['img_shape'] = (self.size, self.size)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(size={self.size}, where={self.where!r})'


@TRANSFORMS.register_module()
class ReduceImage(BaseTransform):
    """Make the condition by plain interpolation.

    Required key: ``img``. Added key: ``lr_img``, `scale` times smaller, of
    the same dtype.

    Args:
        scale: How many times.
        interpolation: ``'area'`` (ours), or ``'bicubic'``, with which the
            paper compares its degradation.
    """

    def __init__(self, scale: int = 4, interpolation: str = 'area') -> None:
        if interpolation not in _INTERPOLATIONS:
            raise InputError(
                f'ReduceImage(interpolation={interpolation!r}): must be one '
                f'of {", ".join(_INTERPOLATIONS)}'
            )
        self.scale = scale
        self.interpolation = interpolation

    def transform(self, results: dict) -> dict:
        """Reduce."""
        image = results['img']
        height, width = image.shape[:2]
        size = height // self.scale, width // self.scale
        results['lr_img'] = resize(image, size, self.interpolation)
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(scale={self.scale}, '
            f'interpolation={self.interpolation!r})'
        )


@TRANSFORMS.register_module()
class PackGenInputs(BaseTransform):
    """Hand a tile to the model.

    Required keys: ``img`` and ``lr_img``, (H, W, 3) and (H / 4, W / 4, 3),
    BGR, uint8; `meta_keys` where they are there.

    Returns ``inputs``, the condition (3, H / 4, W / 4), RGB, uint8, and
    ``data_samples``, a :class:`~mmrs.structures.GenDataSample` with
    ``gt_img`` (3, H, W).

    Args:
        meta_keys: What becomes metainfo of the sample.
    """

    def __init__(
        self,
        meta_keys: Sequence[str] = (
            'sample_id',
            'sample_idx',
            'img_path',
            'resolution',
            'lat',
            'lon',
            'epsg',
        ),
    ) -> None:
        self.meta_keys = meta_keys

    def transform(self, results: dict) -> dict:
        """Make tensors and a data sample.

        Raises:
            InputError: There is no condition.
        """
        if 'lr_img' not in results:
            raise InputError(
                'PackGenInputs needs lr_img; put RealESRGANDegradation or '
                'ReduceImage before it in the pipeline'
            )
        sample = GenDataSample(
            gt_img=_to_tensor(results['img']),
            metainfo={k: results[k] for k in self.meta_keys if k in results},
        )
        return dict(inputs=_to_tensor(results['lr_img']), data_samples=sample)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(meta_keys={tuple(self.meta_keys)})'


def _to_tensor(image: np.ndarray) -> torch.Tensor:
    """BGR (H, W, 3) to RGB (3, H, W)."""
    return torch.from_numpy(
        np.ascontiguousarray(image[..., ::-1].transpose(2, 0, 1))
    )
