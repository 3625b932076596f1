"""Checks of single settings; each error is one line that names its setting."""

import math
from collections.abc import Collection
from numbers import Real

from mmrs.errors import InputError


def check_choice(name: str, value: object, choices: Collection) -> None:
    """Raise an InputError where a value is none of the choices."""
    if value not in choices:
        listed = ', '.join(map(str, choices))
        raise InputError(f'{name} must be one of {listed}, got {value!r}')


def check_number(
    name: str, value: float, least: float, most: float = math.inf
) -> None:
    """Raise an InputError where a value is no number of a range.

    Args:
        name: Of the setting.
        value: What it was set to.
        least: The smallest value that can be right.
        most: The largest one.
    """
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if is_number and least <= value <= most:
        return
    wanted = f'at least {least}'
    if most < math.inf:
        wanted = f'from {least} to {most}'
    raise InputError(f'{name} must be a number {wanted}, got {value!r}')
