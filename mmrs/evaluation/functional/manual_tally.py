"""Counting by hand how predictions on noisy images fare.

The labels of noisy images are no measure, so people judge predictions by
eye, as the paper does (arXiv 2401.08932, abstract); the verdicts, the blind
comparison and the intervals are our choice.
"""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmrs.errors import InputError

from .agreement import Rate, cohen_kappa, wilson_rate

__all__ = [
    'VERDICTS',
    'Tally',
    'blind_order',
    'compare_raters',
    'count_verdicts',
    'read_verdicts',
    'write_sheet',
]

VERDICTS = (
    'correct',
    'missed cloud',
    'false cloud',
    'missed snow',
    'false snow',
    'cloud/snow confused',
)
# The column of the only model, and those of two models in unknown order.
ALONE, BLIND = ('verdict',), ('A', 'B')

# A verdict by the name of the image and by the column.
Verdicts = dict[tuple[str, str], str]


@dataclass(frozen=True)
class Tally:
    """What was counted for a model.

    Attributes:
        judged: Number of images with a verdict.
        unjudged: Number of images without.
        rates: Share of the judged images by verdict, with its Wilson 95 %
            interval.
    """

    judged: int
    unjudged: int
    rates: dict[str, Rate]


def blind_order(
    images: Iterable[str], models: tuple[str, str], seed: int
) -> dict[str, dict[str, str]]:
    """Draw for each image which of two models is shown as A and as B.

    Returns:
        By image: by column the name of the model.
    """
    rng = np.random.default_rng(seed)
    return {
        image: dict(zip(BLIND, rng.permutation(models).tolist()))
        for image in images
    }


def write_sheet(
    path: Path, images: Iterable[str], columns: tuple[str, ...] = ALONE
) -> None:
    """Write a CSV with a row for each image, to fill with verdicts."""
    with path.open('w', newline='') as file:
        sheet = csv.writer(file, lineterminator='\n')
        sheet.writerow(['image', *columns])
        sheet.writerows([image, *([''] * len(columns))] for image in images)


def read_verdicts(path: Path) -> Verdicts:
    """Read a filled sheet.

    Letters may be large or small; an empty cell is no verdict yet.

    Raises:
        InputError: The file is missing or is no sheet, or a verdict is none
            of ``VERDICTS``.
    """
    if not path.is_file():
        raise InputError(
            f'{path} does not exist; write it with manual_tally.py write'
        )
    with path.open(newline='', encoding='utf-8-sig') as file:
        rows = csv.DictReader(file)
        columns = tuple((rows.fieldnames or [])[1:])
        if columns not in (ALONE, BLIND) or rows.fieldnames[0] != 'image':
            raise InputError(
                f'{path} is no sheet of a tally: its columns must be image '
                f'and {" or ".join(", ".join(c) for c in (ALONE, BLIND))}'
            )
        verdicts = {}
        for row in rows:
            for column in columns:
                verdict = (row[column] or '').strip().lower()
                if verdict and verdict not in VERDICTS:
                    raise InputError(
                        f'{path}, line {rows.line_num}: {row[column]!r} is '
                        f'no verdict; write one of {", ".join(VERDICTS)}'
                    )
                verdicts[row['image'], column] = verdict
    return verdicts


def count_verdicts(
    verdicts: Verdicts, key: Mapping[str, Mapping[str, str]] | None = None
) -> dict[str, Tally]:
    """Count the verdicts of each model.

    Args:
        verdicts: Of one rater.
        key: For a blind comparison, as :func:`blind_order` drew it.

    Returns:
        By the name of the model, or 'model' without a key.

    Raises:
        InputError: The key does not fit, or nothing was judged.
    """
    given: dict[str, list[str]] = {}
    for (image, column), verdict in verdicts.items():
        given.setdefault(_model(image, column, key), []).append(verdict)
    return {model: _tally(model, given[model]) for model in sorted(given)}


def compare_raters(first: Verdicts, second: Verdicts) -> tuple[float, int]:
    """Agreement of two raters on what both have judged.

    Returns:
        Cohen's kappa, and on how many verdicts it rests.

    Raises:
        InputError: They have judged nothing in common.
    """
    both = [k for k, v in first.items() if v and second.get(k)]
    if not both:
        raise InputError(
            'the two sheets have no image that both raters have judged; give '
            'copies of one sheet'
        )
    kappa = cohen_kappa([first[k] for k in both], [second[k] for k in both])
    return kappa, len(both)


def read_key(path: Path) -> dict[str, dict[str, str]]:
    """Read which model is which.

    Raises:
        InputError: The file is missing.
    """
    if not path.is_file():
        raise InputError(
            f'{path} does not exist; give --key, the file that was written '
            'with the sheet'
        )
    return json.loads(path.read_text())


def _model(image: str, column: str, key: Mapping | None) -> str:
    if (column in BLIND) != (key is not None):
        raise InputError(
            'a sheet with columns A and B needs the key that was written '
            'with it, and one with the column verdict has none'
        )
    if key is None:
        return 'model'
    if image not in key:
        raise InputError(
            f'the key does not name {image}; it is of another sheet'
        )
    return key[image][column]


def _tally(model: str, verdicts: list[str]) -> Tally:
    counts = Counter(verdict for verdict in verdicts if verdict)
    judged = sum(counts.values())
    if not judged:
        raise InputError(
            f'no image of {model} was judged; fill the sheet with verdicts: '
            f'{", ".join(VERDICTS)}'
        )
    rates = {name: wilson_rate(counts[name], judged) for name in VERDICTS}
    return Tally(judged, len(verdicts) - judged, rates)
