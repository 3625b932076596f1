"""Scores of the masks of what changed."""

from collections.abc import Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger

from mmrs.errors import InputError
from mmrs.evaluation.functional.confusion import (
    binary_confusion,
    class_figures,
    confusion_matrix,
    known_mean,
    mask_scores,
    semantic_change_scores,
    table_of,
)
from mmrs.registry import METRICS


@METRICS.register_module()
class ChangeMaskMetric(BaseMetric):
    """IoU, precision, recall and F1 of each class, over all pixels.

    All pixels of the data set are counted in one confusion matrix, in percent:

    - ``mIoU``: mean over all classes, the unchanged one included, as MCI
      reports; most pixels are unchanged, so that it flatters.
    - ``mIoU_changed``: mean over the other classes.
    - ``aAcc``, ``mAcc``, ``fwIoU``: share of pixels that are right, mean
      recall of the classes, IoU weighted by how frequent a class is.
    - ``IoU_CLASS``, ``F1_CLASS``, ``precision_CLASS`` and
      ``recall_CLASS`` of each class.
    - ``change_F1``, ``change_IoU``, ``change_precision``,
      ``change_recall``: of all classes of change as one, the figures of
      binary change detection.
    - ``SeK`` where there is more than one class of change.

    Args:
        ignore_index: Pixels of this true value are not counted.
        **kwargs: Of :class:`mmengine.evaluator.BaseMetric`.
    """

    default_prefix = 'mask'

    def __init__(self, ignore_index: int = 255, **kwargs) -> None:
        super().__init__(**kwargs)
        self.ignore_index = ignore_index

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Count the pixels of each pair.

        Args:
            data_batch: Not used.
            data_samples: With ``pred_mask`` and ``gt_mask``, both (H, W).

        Raises:
            InputError: A mask is missing, or does not fit.
        """
        num_classes = len(self._classes())
        for sample in data_samples:
            name = sample.get('sample_id', 'a pair')
            for key, hint in (
                ('pred_mask', 'give the model a mask_head'),
                ('gt_mask', 'add LoadChangeMask to the test pipeline'),
            ):
                if key not in sample:
                    raise InputError(
                        f'{name} has no {key}, which ChangeMaskMetric needs; '
                        f'{hint}, or take the metric out of the evaluators'
                    )
            try:
                counts = confusion_matrix(
                    sample['pred_mask'].cpu().numpy(),
                    sample['gt_mask'].cpu().numpy(),
                    num_classes,
                    self.ignore_index,
                )
            except ValueError as error:
                raise InputError(
                    f'the masks of {name} cannot be compared: {error}; make '
                    "num_classes of the model's mask_head and the classes of "
                    'the data set agree, and load masks in the size of their '
                    'files'
                ) from error
            self.results.append(counts)

    def compute_metrics(self, results: list[np.ndarray]) -> dict[str, float]:
        """Score the summed counts."""
        confusion = np.sum(results, axis=0)
        classes = self._classes()
        scores = mask_scores(confusion)
        logger = MMLogger.get_current_instance()
        logger.info('masks\n' + table_of(classes, scores))
        total = confusion.sum()
        share = confusion.sum(1) / max(total, 1)
        binary = mask_scores(binary_confusion(confusion))
        figures = dict(
            mIoU=known_mean(scores.iou),
            mIoU_changed=known_mean(scores.iou[1:]),
            aAcc=np.trace(confusion) / max(total, 1),
            mAcc=known_mean(scores.recall),
            fwIoU=np.nansum(share * np.nan_to_num(scores.iou)),
            change_F1=binary.f1[1],
            change_IoU=binary.iou[1],
            change_precision=binary.precision[1],
            change_recall=binary.recall[1],
        )
        figures |= class_figures(classes, scores)
        if len(classes) > 2:
            figures['SeK'] = semantic_change_scores(confusion)['SeK']
        return {name: 100 * float(value) for name, value in figures.items()}

    def _classes(self) -> Sequence[str]:
        classes = (self.dataset_meta or {}).get('classes')
        if not classes:
            raise InputError(
                "the data set's metainfo names no classes of masks, which "
                'ChangeMaskMetric needs; set metainfo=dict(classes=...) in '
                'the data sets of val_dataloader and test_dataloader'
            )
        return classes
