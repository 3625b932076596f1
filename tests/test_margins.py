"""The table of the tests that train."""

import margins
import pytest
from margins import Figure


def test_worst_is_the_nearest_to_the_bound():
    figures = [
        Figure('a', 'accuracy', value, 50, True, seconds)
        for value, seconds in ((90, 10), (60, 14), (75, 12))
    ]
    figures += [Figure('a', 'loss', value, 1, False, 0) for value in (0.5, 2)]
    assert margins.table(figures)[2:] == [
        '| a | accuracy | > 50 | 75 | 60 | 3 | 12 |',
        '| a | loss | < 1 | 1.25 | 2 | 2 | 0 |',
    ]


@pytest.mark.parametrize(
    ('value', 'bound', 'is_clear'),
    [
        (2, dict(above=1), True),
        (1, dict(above=1), False),
        (0, dict(below=1), True),
        (1, dict(below=1), False),
        (float('nan'), dict(above=1), False),
        (float('nan'), dict(below=1), False),
    ],
)
def test_a_figure_must_clear_its_bound(value, bound, is_clear, clears):
    if is_clear:
        clears('figure', value, **bound)
        return
    with pytest.raises(AssertionError, match="name='figure'"):
        clears('figure', value, **bound)


def test_every_test_that_compares_figures_is_marked(request):
    """So that `-m trains` finds all of them."""
    items = [
        item
        for item in request.session.items
        if 'clears' in getattr(item, 'fixturenames', ())
        and item.path.name != 'test_margins.py'
    ]
    assert all('trains' in item.keywords for item in items)
