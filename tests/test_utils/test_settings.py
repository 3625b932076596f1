import pytest

from mmrs.errors import InputError
from mmrs.utils.settings import check_choice, check_number


@pytest.mark.parametrize('value', [0, 1, 0.5])
def test_numbers_of_the_range_pass(value):
    check_number('share', value, 0, 1)


@pytest.mark.parametrize('value', [-0.1, 1.1, '1', None, True, float('nan')])
def test_other_values_are_refused(value):
    with pytest.raises(
        InputError,
        match=f'^share must be a number from 0 to 1, got {value!r}$',
    ):
        check_number('share', value, 0, 1)


def test_ranges_without_an_end():
    check_number('size', 10**9, 1)
    with pytest.raises(InputError, match='^size must be .* at least 1, got 0'):
        check_number('size', 0, 1)


def test_choices():
    check_choice('mode', 'a', ('a', 'b'))
    with pytest.raises(InputError, match="^mode must be one of a, b, got 'c'"):
        check_choice('mode', 'c', ('a', 'b'))
