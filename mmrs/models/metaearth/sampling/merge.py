"""How windows become one image: four rules, told by weights.

'crop' (the paper) keeps the cell of each window; 'feather' (ours) fades from
a window to the next. Both merge finished windows. 'multidiffusion' averages
the noisy images of overlapping windows at each step, and 'mixture' the
predicted noise with Gaussian weights; these need the whole image in memory,
and any pixel depends on all others.
"""

from collections.abc import Iterable

import numpy as np

MERGE_RULES = ('crop', 'feather', 'multidiffusion', 'mixture')
#: Rules that merge at each step.
JOINT_RULES = ('multidiffusion', 'mixture')

_MIXTURE_VARIANCE = 0.01  # of a window's side squared


def merge_weights(rule: str, tile: int, stride: int) -> np.ndarray:
    """Weights along a side of a window; symmetric.

    Returns:
        (tile,), float32, from 0 to 1.
    """
    at = np.arange(tile, dtype=np.float32) + 0.5
    from_side = np.minimum(at, tile - at)
    if rule == 'crop':
        return (from_side > (tile - stride) // 2).astype(np.float32)
    if rule == 'feather':
        return np.minimum(from_side / max(tile - stride, 0.5), 1)
    if rule == 'mixture':
        distance = at / tile - 0.5
        return np.exp(-(distance**2) / (2 * _MIXTURE_VARIANCE))
    return np.ones(tile, np.float32)


def support(weights: np.ndarray) -> tuple[int, int]:
    """The pixels [first, last) of a window that have a weight."""
    inside = np.flatnonzero(weights)
    return int(inside[0]), int(inside[-1]) + 1


def blend(
    windows: Iterable[tuple[int, int, np.ndarray]],
    weights: np.ndarray,
    region: tuple[int, int, int, int],
) -> np.ndarray:
    """Weigh the windows that meet a region.

    What a pixel becomes does not depend on the region it is part of, as long
    as the windows come in the same order.

    Args:
        windows: Top, left and the pixels (tile, tile, C) of each; numbers.
        weights: Along a side, (tile,).
        region: Top, left, height and width. Each pixel of it has a weight in
            one window at least.

    Returns:
        (height, width, C), float32.
    """
    top, left, height, width = region
    total = np.zeros((height, width, 1), np.float32)
    result = None
    for window_top, window_left, pixels in windows:
        own_rows, rows = _overlap(window_top - top, height, len(weights))
        own_cols, cols = _overlap(window_left - left, width, len(weights))
        weight = np.outer(weights[own_rows], weights[own_cols])[..., None]
        if result is None:
            shape = (height, width, pixels.shape[2])
            result = np.zeros(shape, np.float32)
        result[rows, cols] += weight * pixels[own_rows, own_cols]
        total[rows, cols] += weight
    return result / total


def _overlap(offset: int, size: int, tile: int) -> tuple[slice, slice]:
    """Pixels that a window and a region share, as each counts them."""
    low, high = max(offset, 0), min(offset + tile, size)
    return slice(low - offset, high - offset), slice(low, high)
