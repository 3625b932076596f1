"""Scores of class maps on images with labels to be trusted, and others."""

import numpy as np
from mmengine.logging import MMLogger

from mmrs.evaluation.functional.confusion import (
    class_figures,
    known_mean,
    mask_scores,
    table_of,
)
from mmrs.registry import METRICS

from .seg_metric import ClassMaps, SegMetric

SUBSETS = ('clean', 'noisy', 'all')


@METRICS.register_module()
class SubsetIoUMetric(SegMetric):
    """IoU, precision, recall and F1 of each class, in each subset.

    The paper tests on the clean images, since wrong test labels bias the
    scores (arXiv 2401.08932, abstract); ``clean/mIoU`` is the figure to
    compare. Which other figures to take is our choice. All are in percent
    and over all pixels of a subset, with the prefixes ``clean/``, ``noisy/``
    (where there are such images) and ``all/``:

    - ``mIoU``, ``mF1``, ``mAcc``: means over the classes of IoU, F1, recall.
    - ``aAcc``: share of the pixels that are right.
    - ``IoU_CLASS``, ``F1_CLASS``, ``precision_CLASS``, ``recall_CLASS``.

    Args:
        **kwargs: Of :class:`SegMetric`.
    """

    def measure(self, maps: ClassMaps) -> tuple[str, np.ndarray]:
        """Count the pixels of an image."""
        return maps.subset, self.count(maps)

    def summarise(self, results: list) -> dict[str, float]:
        """Score the summed counts of each subset."""
        figures = {}
        for subset in SUBSETS:
            counts = [c for name, c in results if subset in ('all', name)]
            if not counts:
                continue
            for name, value in self._score(subset, sum(counts)).items():
                figures[f'{subset}/{name}'] = 100 * value
        return figures

    def _score(self, subset: str, confusion: np.ndarray) -> dict[str, float]:
        scores = mask_scores(confusion)
        logger = MMLogger.get_current_instance()
        logger.info(f'{subset} images\n' + table_of(self.classes, scores))
        return dict(
            mIoU=known_mean(scores.iou),
            mF1=known_mean(scores.f1),
            mAcc=known_mean(scores.recall),
            aAcc=float(np.trace(confusion) / max(confusion.sum(), 1)),
            **class_figures(self.classes, scores),
        )
