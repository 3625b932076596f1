"""How sure a counted share is, and how far two raters agree."""

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

__all__ = ['Rate', 'cohen_kappa', 'wilson_rate']


class Rate(NamedTuple):
    """A share and its interval, 0 to 1."""

    share: float
    low: float
    high: float


def wilson_rate(count: int, total: int, level: float = 0.95) -> Rate:
    """The share of a count with Wilson's score interval.

    Args:
        count: How often something was so, at most `total`.
        total: Out of how many, at least 1.
        level: Confidence of the interval.
    """
    from scipy.stats import binomtest

    interval = binomtest(count, total).proportion_ci(level, 'wilson')
    return Rate(count / total, interval.low, interval.high)


def cohen_kappa(
    first: Sequence[Hashable], second: Sequence[Hashable]
) -> float:
    """Agreement of two raters beyond chance (Cohen, 1960).

    Args:
        first: Verdicts of one rater.
        second: Verdicts of the other on the same things, in that order.

    Returns:
        1 for full agreement, 0 for that of chance; NaN where both raters
        gave one and the same verdict throughout.

    Raises:
        ValueError: The raters judged different numbers of things, or none.
    """
    if len(first) != len(second) or not len(first):
        raise ValueError(f'{len(first)} and {len(second)} verdicts')
    names = sorted({*first, *second}, key=str)
    counts = np.zeros((len(names), len(names)))
    for a, b in zip(first, second):
        counts[names.index(a), names.index(b)] += 1
    counts /= counts.sum()
    by_chance = counts.sum(0) @ counts.sum(1)
    if by_chance == 1:
        return float('nan')
    return float((np.trace(counts) - by_chance) / (1 - by_chance))
