"""How far to trust the labels of clouds in an image, by looking at it.

The paper (arXiv 2401.08932) tells images with trustworthy labels by eye: they
have distinct boundaries of clouds, a plain background without bright objects,
and no mixture of clouds and snow. These figures put that in numbers; they are
ours.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from .transforms.bands import IGNORED, visible_bands

_CLOUDS = ('cloud', 'thick', 'thin')
_CLOUD, _SNOW, _OTHER = range(3)


def rate_labels(results: dict, classes: Sequence[str]) -> dict[str, float]:
    """Measure what makes the labels of an image hard.

    Args:
        results: Has ``img`` (H, W, C), ``gt_seg_map`` (H, W) and, for the
            visible ones, the names of its ``bands``.
        classes: Names of the classes; ``cloud``, ``thick`` and ``thin`` are
            clouds, ``snow`` is snow.

    Returns:
        Each 0 (easy) to 1 (hard): ``thin``, how faint the boundaries of
        clouds are; ``bright``, how much of the background is as bright as
        clouds; ``mixed``, how evenly clouds and snow share the image.
    """
    brightness = visible_bands(results).mean(axis=2, dtype=np.float64)
    kinds = _kinds(results['gt_seg_map'], classes)
    return dict(
        thin=rate_thin(brightness, kinds == _CLOUD, kinds != IGNORED),
        bright=rate_bright(brightness, kinds == _CLOUD, kinds == _OTHER),
        mixed=rate_mixed(kinds == _CLOUD, kinds == _SNOW),
    )


def rate_thin(
    brightness: np.ndarray, cloud: np.ndarray, known: np.ndarray
) -> float:
    """Say how faint the boundaries of clouds are.

    It is ``1 - min(1, 2 g / s)``: g is the mean gradient of the brightness at
    the pixels of cloud that touch others, per pixel, and s the span from the
    2nd to the 98th percentile of the brightness. A sharp step over the whole
    span has a gradient of s / 2.

    Args:
        brightness: (H, W), in any unit.
        cloud: (H, W), bool.
        known: (H, W), bool, false where labels are ignored.

    Returns:
        0 to 1; 0 where there is no boundary.
    """
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    other = (known & ~cloud).astype(np.uint8)
    edge = cloud & (cv2.dilate(other, cross) > 0)
    if not edge.any():
        return 0.0
    low, high = np.percentile(brightness[known], (2, 98))
    if high <= low:
        return 1.0
    down, right = np.gradient(brightness)
    gradient = np.hypot(down, right)[edge].mean()
    return float(1 - min(1, 2 * gradient / (high - low)))


def rate_bright(
    brightness: np.ndarray, cloud: np.ndarray, background: np.ndarray
) -> float:
    """Share of the background that is brighter than the median of clouds.

    Args:
        brightness: (H, W), in any unit.
        cloud: (H, W), bool.
        background: (H, W), bool.

    Returns:
        0 to 1; 0 where either is absent.
    """
    if not (cloud.any() and background.any()):
        return 0.0
    middle = np.median(brightness[cloud])
    return float((brightness[background] > middle).mean())


def rate_mixed(cloud: np.ndarray, snow: np.ndarray) -> float:
    """Say how evenly clouds and snow share their pixels.

    Args:
        cloud: (H, W), bool.
        snow: (H, W), bool.

    Returns:
        Four times the product of their shares of both, 0 to 1.
    """
    clouds, snows = int(cloud.sum()), int(snow.sum())
    return 4 * clouds * snows / max(clouds + snows, 1) ** 2


def miss_rate(predicted: np.ndarray, labels: np.ndarray) -> float:
    """Say how far a prediction is from labels: 1 - mIoU.

    Args:
        predicted: Classes (H, W).
        labels: Classes (H, W), 255 where ignored.

    Returns:
        0 to 1, over the classes that either has; 0 where all is ignored.
    """
    known = labels != IGNORED
    predicted, labels = predicted[known], labels[known]
    ious = [
        ((predicted == i) & (labels == i)).sum()
        / ((predicted == i) | (labels == i)).sum()
        for i in np.union1d(predicted, labels)
    ]
    return float(1 - np.mean(ious)) if ious else 0.0


def _kinds(labels: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """Merge classes (H, W) into clouds, snow and others."""
    table = np.full(256, IGNORED, np.uint8)
    for i, name in enumerate(classes):
        table[i] = _CLOUD if name in _CLOUDS else _OTHER
        if name == 'snow':
            table[i] = _SNOW
    return table[labels]
