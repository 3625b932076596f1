"""Scores on the pixels whose label two independent models do not doubt."""

from collections.abc import Sequence

import numpy as np
from mmengine.logging import MMLogger

from mmrs.errors import InputError
from mmrs.evaluation.functional.confusion import (
    class_figures,
    known_mean,
    mask_scores,
)
from mmrs.registry import METRICS

from .class_map_dump import DumpedMaps, read_class_maps
from .seg_metric import ClassMaps, SegMetric


@METRICS.register_module()
class TrustedIoU(SegMetric):
    """IoU on the pixels where two other models agree with each other.

    The labels of noisy images cannot be trusted everywhere. Where two models
    that were trained on clean images, apart from each other, say the same,
    the pixel is easy enough for its label to be taken seriously (our
    choice). In percent: ``mIoU``, ``IoU_CLASS``, ``F1_CLASS``,
    ``precision_CLASS`` and ``recall_CLASS``, and ``left``, the share of the
    labelled pixels that are counted.

    Args:
        predictions: The files of the two models' class maps on the same
            images, as :class:`~mmrs.evaluation.DumpClassMaps` writes them.
        subset: As of :class:`SegMetric`.
        **kwargs: Of :class:`SegMetric`.
    """

    default_prefix = 'trusted'

    def __init__(
        self,
        predictions: Sequence[str],
        subset: str | None = 'noisy',
        **kwargs,
    ) -> None:
        super().__init__(subset=subset, **kwargs)
        if len(predictions) != 2:
            raise InputError(
                f'predictions of TrustedIoU names {len(predictions)} files; '
                'give those of two models'
            )
        self.predictions = tuple(predictions)
        self._models: list[dict[str, DumpedMaps]] | None = None

    def measure(self, maps: ClassMaps) -> tuple[np.ndarray, int]:
        """Count the trusted pixels of an image, and all labelled ones."""
        first, second = (
            self._find(n, maps.sample_id, maps.label.shape) for n in range(2)
        )
        trusted = np.where(first == second, maps.label, self.ignore_index)
        labelled = int((maps.label != self.ignore_index).sum())
        return self.count(maps, trusted), labelled

    def summarise(self, results: list) -> dict[str, float]:
        """Score the summed counts."""
        confusion = sum(counts for counts, _ in results)
        labelled = sum(number for _, number in results)
        scores = mask_scores(confusion)
        figures = dict(
            mIoU=known_mean(scores.iou),
            **class_figures(self.classes, scores),
            left=float(confusion.sum() / max(labelled, 1)),
        )
        figures = {name: 100 * value for name, value in figures.items()}
        MMLogger.get_current_instance().info(
            f'two models agree on {figures["left"]:.2f} % of the pixels; '
            f'mIoU there {figures["mIoU"]:.2f}'
        )
        return figures

    def _find(
        self, n: int, sample_id: str, shape: tuple[int, ...]
    ) -> np.ndarray:
        """The class map (H, W) of an image by model n."""
        if self._models is None:
            self._models = [read_class_maps(x) for x in self.predictions]
        found = self._models[n].get(sample_id)
        if found is None or found.predicted.shape != shape:
            what = 'no prediction' if found is None else 'another size'
            raise InputError(
                f'{self.predictions[n]} has {what} of {sample_id}; write it '
                'with the data set and the test pipeline of this config'
            )
        return found.predicted
