"""Verdicts by hand."""

import pytest

from mmrs.errors import InputError
from mmrs.evaluation import (
    compare_raters,
    count_verdicts,
    read_verdicts,
    wilson_rate,
    write_sheet,
)
from mmrs.evaluation.functional.manual_tally import (
    BLIND,
    blind_order,
    read_key,
)

IMAGES = [f'image_{n}' for n in range(6)]


def fill(path, *cells: str, columns=('verdict',)):
    """Write a sheet and fill it, row by row."""
    write_sheet(path, IMAGES, columns)
    head, *rows = path.read_text().splitlines()
    assert rows[0] == 'image_0' + ',' * len(columns)
    rows = [f'{row.split(",")[0]},{cell}' for row, cell in zip(rows, cells)]
    path.write_text('\n'.join([head, *rows]) + '\n')
    return read_verdicts(path)


def test_rates_of_a_filled_sheet(tmp_path):
    verdicts = fill(
        tmp_path / 'a.csv', 'correct', ' Correct', 'missed cloud',
        'cloud/snow confused', 'CORRECT', '',
    )  # fmt: skip
    tally = count_verdicts(verdicts)['model']
    assert (tally.judged, tally.unjudged) == (5, 1)
    assert tally.rates['correct'] == wilson_rate(3, 5)
    assert tally.rates['missed cloud'].share == 0.2
    assert tally.rates['false snow'].share == 0
    assert tally.rates['false snow'].high > 0.3


def test_blind_verdicts_go_to_the_models(tmp_path):
    key = blind_order(IMAGES, ('old', 'new'), seed=1)
    assert key == blind_order(IMAGES, ('old', 'new'), seed=1)
    assert {x['A'] for x in key.values()} == {'old', 'new'}
    assert all({x['A'], x['B']} == {'old', 'new'} for x in key.values())
    cells = [
        ','.join(
            'correct' if key[image][column] == 'new' else 'false snow'
            for column in BLIND
        )
        for image in IMAGES
    ]
    verdicts = fill(tmp_path / 'a.csv', *cells, columns=BLIND)
    tallies = count_verdicts(verdicts, key)
    assert tallies['new'].rates['correct'].share == 1
    assert tallies['old'].rates['false snow'].share == 1
    with pytest.raises(InputError, match='needs the key'):
        count_verdicts(verdicts)
    with pytest.raises(InputError, match='does not name image_0'):
        count_verdicts(verdicts, {})


def test_raters_are_compared_on_what_both_judged(tmp_path):
    first = fill(tmp_path / 'a.csv', *['correct'] * 3, 'false snow', '', '')
    second = fill(
        tmp_path / 'b.csv', 'correct', 'false snow', 'correct', 'false snow',
        'correct', '',
    )  # fmt: skip
    kappa, count = compare_raters(first, second)
    # Agreed 3 of 4; by chance 3/4 * 2/4 + 1/4 * 2/4.
    assert count == 4 and kappa == pytest.approx((0.75 - 0.5) / 0.5)
    with pytest.raises(InputError, match='no image that both'):
        compare_raters(first, {})


def test_bad_sheets(tmp_path):
    with pytest.raises(InputError, match='none.csv does not exist'):
        read_verdicts(tmp_path / 'none.csv')
    with pytest.raises(InputError, match="line 3: 'good' is no verdict"):
        fill(tmp_path / 'a.csv', 'correct', 'good')
    (tmp_path / 'b.csv').write_text('name,score\n')
    with pytest.raises(InputError, match='b.csv is no sheet of a tally'):
        read_verdicts(tmp_path / 'b.csv')
    with pytest.raises(InputError, match='no image of model was judged'):
        count_verdicts(fill(tmp_path / 'c.csv', *[''] * 6))
    with pytest.raises(InputError, match='give --key'):
        read_key(tmp_path / 'key.json')
