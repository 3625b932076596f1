"""What the metrics of class maps share: reading samples, subsets, classes."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger

from mmrs.errors import InputError
from mmrs.evaluation.functional.confusion import confusion_matrix

__all__ = ['ClassMaps', 'SegMetric']


@dataclass(frozen=True)
class ClassMaps:
    """What an image is labelled and what it is taken for.

    Attributes:
        sample_id: Its name.
        subset: 'clean' or 'noisy'.
        predicted: Class of each pixel, int (H, W).
        label: The class to compare with, int (H, W).
    """

    sample_id: str
    subset: str
    predicted: np.ndarray
    label: np.ndarray


class SegMetric(BaseMetric):
    """A metric of the class maps of ``SegDataSample``.

    Args:
        subset: 'clean' or 'noisy' to take only images of that subset.
        truth: What of a sample to compare with: ``gt_sem_seg``, or
            ``gt_true_seg_map`` for the labels before noise was injected.
        ignore_index: Pixels with this label are not counted.
        **kwargs: Of :class:`mmengine.evaluator.BaseMetric`.
    """

    def __init__(
        self,
        subset: str | None = None,
        truth: str = 'gt_sem_seg',
        ignore_index: int = 255,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        if subset not in (None, 'clean', 'noisy'):
            raise InputError(
                f"subset={subset!r} of {type(self).__name__}: give 'clean', "
                "'noisy', or None for all images"
            )
        self.subset = subset
        self.truth = truth
        self.ignore_index = ignore_index

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Measure each image.

        Args:
            data_batch: Not used.
            data_samples: With ``pred_sem_seg`` and the label, both of
                ``data`` (1, H, W), and ``sample_id`` and ``subset``.

        Raises:
            InputError: Something is missing, or the maps do not fit.
        """
        for sample in data_samples:
            maps = self._read(sample)
            if self.subset in (None, maps.subset):
                self.results.append(self.measure(maps))
            else:
                # Images are counted when those of all processes are put
                # together, so each leaves a result.
                self.results.append(None)

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Sum up all images that were measured."""
        results = [result for result in results if result is not None]
        if not results:
            MMLogger.get_current_instance().warning(
                f'{type(self).__name__}: no image is {self.subset}'
            )
            return {}
        return self.summarise(results)

    @abstractmethod
    def measure(self, maps: ClassMaps) -> Any:
        """Measure an image."""

    @abstractmethod
    def summarise(self, results: list) -> dict[str, float]:
        """Turn the measures of all images into figures."""

    @property
    def classes(self) -> Sequence[str]:
        """Names of the classes.

        Raises:
            InputError: The data set names none.
        """
        classes = (self.dataset_meta or {}).get('classes')
        if not classes:
            raise InputError(
                "the data set's metainfo names no classes, which "
                f'{type(self).__name__} needs; set metainfo=dict(classes=...) '
                'in the data sets of val_dataloader and test_dataloader'
            )
        return classes

    def count(
        self, maps: ClassMaps, label: np.ndarray | None = None
    ) -> np.ndarray:
        """Count pixels by label and by predicted class.

        Args:
            maps: Of an image.
            label: In place of the label of `maps`, (H, W).

        Returns:
            (C, C) int64, a row for each label.

        Raises:
            InputError: A value is no class.
        """
        try:
            return confusion_matrix(
                maps.predicted,
                maps.label if label is None else label,
                len(self.classes),
                self.ignore_index,
            )
        except ValueError as error:
            raise InputError(
                f'the class maps of {maps.sample_id} cannot be compared: '
                f'{error}; make num_classes of the decode_head and the '
                'classes of the data set agree, and check label_map'
            ) from error

    def _read(self, sample: dict) -> ClassMaps:
        name = sample.get('sample_id')
        for key in ('sample_id', 'subset'):
            if key not in sample:
                raise InputError(
                    f'{name or sample.get("img_path", "an image")} has no '
                    f'{key}, which {type(self).__name__} needs; add '
                    f'{key!r} to meta_keys of the packing transform'
                )
        for key, hint in (
            ('pred_sem_seg', 'test a segmentation model'),
            (self.truth, 'load the labels in the test pipeline'),
        ):
            if key not in sample:
                raise InputError(
                    f'{name} has no {key}, which {type(self).__name__} needs; '
                    f'{hint}, or take the metric out of the evaluators'
                )
        predicted, label = (
            sample[key]['data'].squeeze(0).cpu().numpy()
            for key in ('pred_sem_seg', self.truth)
        )
        if predicted.shape != label.shape:
            raise InputError(
                f'the prediction of {name} has {predicted.shape} pixels, its '
                f'label {label.shape}; load labels in the size of their '
                'files and do not resize them in the test pipeline'
            )
        return ClassMaps(name, sample['subset'], predicted, label)
