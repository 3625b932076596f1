"""Precision, recall, F1 and accuracy of scene classification."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from mmpretrain.evaluation import ConfusionMatrix, SingleLabelMetric
from PIL import Image
from rich import box
from rich.console import Console
from rich.table import Table
from torch import Tensor

from mmrs.errors import InputError
from mmrs.registry import METRICS
from mmrs.visualization import draw_confusion_matrix


@METRICS.register_module()
class SceneClsMetric(BaseMetric):
    """Precision, recall and F1, averaged over the classes, and accuracy.

    Every class counts alike: its precision, recall and F1 are computed from
    the most probable class of each image, and their means are reported (the
    mean F1 is not the F1 of the mean precision and recall). The figures are
    those of :class:`mmpretrain.evaluation.SingleLabelMetric`, in percent,
    under the same keys ``single-label/precision``, ``single-label/recall``
    and ``single-label/f1-score``; ``single-label/accuracy`` is the share of
    all images that are right.

    Args:
        classwise: Print the table of the classes.
        out_dir: Receives ``confusion_matrix.{npy,csv,png}``: counts (C, C),
            a row for each true class.
        **kwargs: Of :class:`mmengine.evaluator.BaseMetric`.
    """

    default_prefix = 'single-label'

    def __init__(
        self,
        classwise: bool = True,
        out_dir: str | None = None,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.classwise = classwise
        self.out_dir = None if out_dir is None else Path(out_dir)

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Note the most probable and the true class of each image.

        Args:
            data_batch: Not used.
            data_samples: With ``pred_score`` (C,) and ``gt_label`` (1,).

        Raises:
            InputError: The model was built for another number of classes.
        """
        scores = torch.stack([s['pred_score'] for s in data_samples])
        labels = torch.cat([s['gt_label'] for s in data_samples])
        num_classes = len(self.dataset_meta['classes'])
        if scores.shape[1] != num_classes:
            raise InputError(
                f'the model gives {scores.shape[1]} scores an image, but the '
                f'tested data set has {num_classes} classes; set num_classes '
                "of the model's head and data_preprocessor"
            )
        self.results += zip(scores.argmax(1).tolist(), labels.tolist())

    def compute_metrics(
        self, results: list[tuple[int, int]]
    ) -> dict[str, float]:
        """Score all images.

        Args:
            results: Predicted and true label of each image.

        Returns:
            ``precision``, ``recall``, ``f1-score`` and ``accuracy``, 0 to
            100.
        """
        classes = self.dataset_meta['classes']
        predicted, true = torch.tensor(results).unbind(1)
        matrix = ConfusionMatrix.calculate(predicted, true, len(classes))
        *columns, support = SingleLabelMetric.calculate(
            predicted, true, average=None, num_classes=len(classes)
        )
        if self.classwise:
            table = _table(classes, columns, support)
            MMLogger.get_current_instance().info('\n' + table)
        if self.out_dir is not None:
            _save_matrix(self.out_dir, matrix.numpy(), classes)
        names = ('precision', 'recall', 'f1-score')
        scores = {n: column.mean().item() for n, column in zip(names, columns)}
        accuracy = 100 * (predicted == true).double().mean().item()
        return scores | dict(accuracy=accuracy)


def _table(
    classes: Sequence[str], columns: list[Tensor], support: Tensor
) -> str:
    """Format precision, recall and F1 (C,) in percent, and image counts."""
    table = Table(box=box.ASCII, show_footer=True)
    means = [f'{column.mean():.2f}' for column in columns]
    table.add_column('class', footer='mean')
    for name, mean in zip(('precision', 'recall', 'F1'), means):
        table.add_column(name, footer=mean, justify='right')
    table.add_column('images', footer=f'{support.sum()}', justify='right')
    for name, *values, count in zip(classes, *columns, support):
        table.add_row(name, *(f'{v:.2f}' for v in values), f'{count}')
    console = Console(width=100)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def _save_matrix(
    out_dir: Path, matrix: np.ndarray, classes: Sequence[str]
) -> None:
    out_dir.mkdir(parents=True, exist_ok=True)
    np.save(out_dir / 'confusion_matrix.npy', matrix)
    path = out_dir / 'confusion_matrix.csv'
    with path.open('w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(['true class', *classes])
        writer.writerows([n, *row] for n, row in zip(classes, matrix.tolist()))
    picture = draw_confusion_matrix(matrix, classes)
    Image.fromarray(picture).save(out_dir / 'confusion_matrix.png')
