"""Scores that forgive errors near the borders of the labels."""

from collections.abc import Sequence

import cv2
import numpy as np
from mmengine.logging import MMLogger

from mmrs.evaluation.functional.confusion import known_mean, mask_scores
from mmrs.registry import METRICS

from .seg_metric import ClassMaps, SegMetric


@METRICS.register_module()
class BoundaryTolerantIoU(SegMetric):
    """IoU without the pixels near a border between two labels.

    Borders of clouds are fuzzy, and their labels are off by some pixels. The
    curve over the width tells errors at borders from errors of substance
    (our choice). In percent, for each width k in pixels:

    - ``mIoU_{k}px``: mean over the classes.
    - ``IoU_CLASS_{k}px``: of each class.
    - ``left_{k}px``: share of the labelled pixels that are left.

    Args:
        radii: Widths in pixels; 0 leaves nothing out.
        **kwargs: Of :class:`SegMetric`.
    """

    default_prefix = 'tolerant'

    def __init__(
        self, radii: Sequence[float] = (0, 2, 5, 10), **kwargs
    ) -> None:
        super().__init__(**kwargs)
        self.radii = tuple(radii)

    def measure(self, maps: ClassMaps) -> np.ndarray:
        """Count the pixels of an image for each width, (R, C, C)."""
        far = distance_to_border(maps.label, self.ignore_index)
        counts = []
        for radius in self.radii:
            label = np.where(far > radius, maps.label, self.ignore_index)
            counts.append(self.count(maps, label))
        return np.stack(counts)

    def summarise(self, results: list) -> dict[str, float]:
        """Score the summed counts of each width."""
        counts = np.sum(results, axis=0)
        total = max(sum(result[0].sum() for result in results), 1)
        figures = {}
        for radius, confusion in zip(self.radii, counts):
            iou = mask_scores(confusion).iou
            figures[f'mIoU_{radius:g}px'] = 100 * known_mean(iou)
            for name, value in zip(self.classes, iou):
                figures[f'IoU_{name}_{radius:g}px'] = 100 * float(value)
            left = 100 * float(confusion.sum() / total)
            figures[f'left_{radius:g}px'] = left
        curve = ', '.join(
            f'{figures[f"mIoU_{r:g}px"]:.2f} at {r:g} px' for r in self.radii
        )
        MMLogger.get_current_instance().info(f'mIoU off borders: {curve}')
        return figures


def distance_to_border(label: np.ndarray, ignore_index: int) -> np.ndarray:
    """Distance of each pixel to the nearest one with another label.

    Pixels to ignore are no other label.

    Args:
        label: Classes, int (H, W).
        ignore_index: The label of pixels to ignore.

    Returns:
        Distance in pixels, from 1, and infinite where there is no other
        label; float32 (H, W).
    """
    ignored = label == ignore_index
    distance = np.full(label.shape, np.inf, np.float32)
    present = np.unique(label[~ignored])
    if len(present) < 2:
        return distance
    for value in present:
        inside = label == value
        # Zero is what distances are measured to: pixels of other labels.
        free = (inside | ignored).astype(np.uint8)
        far = cv2.distanceTransform(free, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        distance[inside] = far[inside]
    return distance
