"""COCO average precision of boxes and masks."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from mmdet.evaluation import CocoMetric
from mmdet.evaluation.metrics import FasterCocoMetric
from mmengine.logging import MMLogger
from terminaltables import AsciiTable

from mmrs.errors import InputError
from mmrs.registry import METRICS

_ITEMS = ('mAP', 'mAP_50', 'mAP_75', 'mAP_s', 'mAP_m', 'mAP_l')


@METRICS.register_module()
class InstanceSegMetric(FasterCocoMetric):
    """COCO AP over IoU .50:.05:.95 with at most 100 detections an image.

    The same figures as :class:`mmdet.evaluation.CocoMetric`, computed by
    faster-coco-eval where that is installed and by pycocotools elsewhere.
    Three things differ on purpose: only the images that were tested count
    (a data set may be cut by ``indices``), a model that finds nothing scores
    0 instead of having no score, and an annotation file that does not belong
    to the tested data set is an error.

    Args:
        ann_file: The COCO JSON of the tested data set.
        metric: ``'bbox'``, ``'segm'`` or both.
        use_faster: Compute with faster-coco-eval. Defaults to whether it is
            installed.
        **kwargs: Of :class:`mmdet.evaluation.CocoMetric`, e.g.
            ``classwise=True`` for a table of the classes, or
            ``outfile_prefix='work_dirs/x'`` to keep the COCO result files.

    Raises:
        InputError: `ann_file` is missing or of another data set.
    """

    def __init__(
        self,
        ann_file: str,
        metric: str | Sequence[str] = ('bbox', 'segm'),
        use_faster: bool | None = None,
        **kwargs,
    ) -> None:
        if not Path(ann_file).is_file():
            raise InputError(
                f'{ann_file}: no such annotation file; set ann_file of the '
                'evaluator to that of the tested data set'
            )
        super().__init__(
            ann_file=ann_file,
            metric=[metric] if isinstance(metric, str) else list(metric),
            proposal_nums=(1, 10, 100),
            **kwargs,
        )
        if use_faster is None:
            use_faster = find_spec('faster_coco_eval') is not None
        self._evaluator = FasterCocoMetric if use_faster else CocoMetric

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Score all images.

        Args:
            results: Pairs of annotation and prediction, one an image.

        Returns:
            ``bbox_mAP``, ``segm_mAP_50`` and so on, from 0 to 1; -1 where
            no object of that size was annotated.
        """
        self.img_ids = [gt['img_id'] for gt, _ in results]
        self._check_ann_file()
        logger = MMLogger.get_current_instance()
        if self.format_only:
            return self._evaluator.compute_metrics(self, results)
        if any(len(prediction['labels']) for _, prediction in results):
            scores = self._evaluator.compute_metrics(self, results)
        else:
            logger.warning('the model found no object in any image')
            scores = {
                f'{metric}_{item}': 0.0
                for metric in self.metrics
                for item in _ITEMS
            }
        logger.info('\n' + _table(self.metrics, scores))
        return scores

    def _check_ann_file(self) -> None:
        categories = self._coco_api.dataset['categories']
        names = tuple(category['name'] for category in categories)
        classes = tuple(self.dataset_meta['classes'])
        foreign = set(self.img_ids) - set(self._coco_api.get_img_ids())
        if names != classes or foreign:
            problem = (
                f'lacks {len(foreign)} of the {len(self.img_ids)} tested '
                'images'
                if foreign
                else f'has the categories {names}, tested are {classes}'
            )
            raise InputError(
                f'the annotation file of the evaluator {problem}; set its '
                'ann_file to that of the tested data set'
            )


def _table(metrics: Sequence[str], scores: dict[str, float]) -> str:
    rows = [
        [metric, *(f'{scores[f"{metric}_{item}"]:.3f}' for item in _ITEMS)]
        for metric in metrics
    ]
    return AsciiTable([['COCO', *_ITEMS], *rows]).table
