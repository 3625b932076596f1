import math

import pytest

from mmrs.evaluation import cohen_kappa, wilson_rate


@pytest.mark.parametrize(('count', 'total'), [(0, 10), (7, 20), (20, 20)])
def test_wilson_interval_against_its_formula(count, total):
    z, p = 1.959964, count / total
    middle = (p + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z * math.sqrt(p * (1 - p) / total + z**2 / (4 * total**2))
    half /= 1 + z**2 / total
    rate = wilson_rate(count, total)
    assert rate.share == p
    assert rate.low == pytest.approx(max(middle - half, 0), abs=1e-6)
    assert rate.high == pytest.approx(min(middle + half, 1), abs=1e-6)


def test_kappa():
    first = ['correct', 'missed cloud', 'correct', 'false snow', 'correct']
    second = ['correct', 'correct', 'correct', 'false snow', 'missed cloud']
    # They agree on 3 of 5; by chance on 0.36 + 0.04 + 0.04.
    assert cohen_kappa(first, second) == pytest.approx(0.16 / 0.56)
    assert cohen_kappa(first, first) == 1
    assert math.isnan(cohen_kappa(['a'], ['a']))
    with pytest.raises(ValueError, match='1 and 2 verdicts'):
        cohen_kappa(['a'], ['a', 'b'])
