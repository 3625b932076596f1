"""Scores of class maps, from counts of what was taken for what."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

__all__ = [
    'MaskScores',
    'binary_confusion',
    'class_figures',
    'confusion_matrix',
    'known_mean',
    'mask_scores',
    'semantic_change_scores',
    'table_of',
]


class MaskScores(NamedTuple):
    """Scores of each class, arrays (C,) of 0 to 1.

    A class that is neither true nor predicted anywhere is NaN.
    """

    iou: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray


def confusion_matrix(
    predicted: np.ndarray,
    truth: np.ndarray,
    num_classes: int,
    ignore_index: int = 255,
) -> np.ndarray:
    """Count pixels by true and by predicted class.

    Args:
        predicted: Classes, of any shape.
        truth: Classes, of that shape.
        num_classes: C.
        ignore_index: Pixels with this true class are not counted.

    Returns:
        (C, C) int64, a row for each true class.

    Raises:
        ValueError: The shapes differ, or a value is no class.
    """
    predicted, truth = np.asarray(predicted), np.asarray(truth)
    if predicted.shape != truth.shape:
        raise ValueError(
            f'the prediction is {predicted.shape}, the truth {truth.shape}'
        )
    valid = truth != ignore_index
    predicted = predicted[valid].astype(np.int64)
    truth = truth[valid].astype(np.int64)
    for name, values in (('predicted', predicted), ('true', truth)):
        if values.size and not 0 <= values.min() <= values.max() < num_classes:
            wrong = np.unique(values[(values < 0) | (values >= num_classes)])
            raise ValueError(
                f'the {name} values {wrong.tolist()} are none of the '
                f'{num_classes} classes'
            )
    counts = np.bincount(num_classes * truth + predicted, None, num_classes**2)
    return counts.reshape(num_classes, num_classes)


def mask_scores(confusion: np.ndarray) -> MaskScores:
    """Score each class of a confusion matrix (C, C)."""
    hits = np.diag(confusion).astype(float)
    true, told = confusion.sum(1), confusion.sum(0)
    with np.errstate(invalid='ignore', divide='ignore'):
        return MaskScores(
            hits / (true + told - hits),
            hits / told,
            hits / true,
            2 * hits / (true + told),
        )


def class_figures(
    classes: Sequence[str], scores: MaskScores
) -> dict[str, float]:
    """Name the scores: ``IoU_CLASS``, ``F1_CLASS`` and so on, 0 to 1."""
    return {
        f'{title}_{name}': float(values[i])
        for i, name in enumerate(classes)
        for title, values in (
            ('IoU', scores.iou),
            ('F1', scores.f1),
            ('precision', scores.precision),
            ('recall', scores.recall),
        )
    }


def table_of(classes: Sequence[str], scores: MaskScores) -> str:
    """The scores of each class in percent, a table for the log."""
    names = list(scores._fields)
    table = Table('class', *names, box=box.ASCII)
    for i, label in enumerate(classes):
        row = (f'{100 * getattr(scores, name)[i]:.2f}' for name in names)
        table.add_row(label, *row)
    console = Console(width=100)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def known_mean(values: np.ndarray) -> float:
    """Mean without NaN; NaN of nothing but NaN."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float('nan')


def binary_confusion(confusion: np.ndarray) -> np.ndarray:
    """Take all classes but 0 as one: (C, C) -> (2, 2)."""
    edges = [0, 1]
    return np.add.reduceat(np.add.reduceat(confusion, edges, 0), edges, 1)


def semantic_change_scores(confusion: np.ndarray) -> dict[str, float]:
    """Score semantic change, where every class but 0 is a kind of change.

    Kappa is that of all pixels but those that are unchanged and told to be;
    it is weighted by how well the changed area as a whole is found (Yang et
    al., SECOND data set, IEEE TGRS 2022).

    Args:
        confusion: (C, C), class 0 unchanged.

    Returns:
        ``SeK``, ``mIoU`` of unchanged and changed, and ``Score`` = 0.3 mIoU +
        0.7 SeK; 0 to 1, SeK from -1.
    """
    iou = mask_scores(binary_confusion(confusion)).iou
    rest = confusion.astype(float)
    rest[0, 0] = 0
    total = rest.sum()
    kappa = 0.0
    if total:
        agreed = np.trace(rest) / total
        by_chance = rest.sum(0) @ rest.sum(1) / total**2
        kappa = (agreed - by_chance) / (1 - by_chance) if by_chance < 1 else 0
    found = np.nan_to_num(iou[1])
    sek = kappa * np.exp(found - 1)
    mean = float(np.nanmean(iou))
    return dict(SeK=float(sek), mIoU=mean, Score=0.3 * mean + 0.7 * float(sek))
