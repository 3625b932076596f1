"""Fits pretrained weights to a model of other bands, classes or sizes."""

import logging
import re
from collections import Counter
from collections.abc import Iterable

from mmengine.logging import print_log
from torch import Tensor, nn

from mmrs.errors import InputError
from mmrs.ops.positions import resize_table

__all__ = ['fit_weights', 'inflate']


def inflate(weight: Tensor, num_bands: int) -> Tensor:
    """Make a first convolution take another number of bands.

    Each band gets the mean over the input channels, times the old number of
    channels by the new one: an image of equal bands gives what it gave.

    Args:
        weight: (out, channels, kernel, kernel).
        num_bands: Bands of the new images.

    Returns:
        (out, num_bands, kernel, kernel).
    """
    channels = weight.shape[1]
    mean = weight.mean(1, keepdim=True) * (channels / num_bands)
    return mean.repeat(1, num_bands, 1, 1)


def fit_weights(weights: dict[str, Tensor], model: nn.Module) -> dict:
    """Fit a state dict to a model that a training is to start from it.

    - Where in the model the weights belong is found by their names: those of
      a backbone alone, or of a network that the model wraps.
    - The first convolution is inflated to the bands of the model.
    - Tables of positions of another grid are interpolated; a module that
      does so itself as it loads, RSMamba for one, is left to it.
    - Layers that differ in the number of their outputs alone give scores of
      other classes or words, and begin untrained.

    Every such change is in the log. MMEngine lists there the weights that the
    model does not have, and those that the checkpoint lacks.

    Args:
        weights: State dict of a checkpoint.
        model: That is to be loaded.

    Returns:
        A new state dict.

    Raises:
        InputError: No name is one of the model, or other shapes differ: it
            is another architecture.
    """
    wanted = model.state_dict()
    weights = {
        name.removeprefix('module.'): value
        for name, value in weights.items()
        if isinstance(value, Tensor)
    }
    prefix = _find_place(weights, wanted)
    if prefix:
        _log('The weights are loaded into this part', [prefix.rstrip('.')])
    weights = {prefix + name: value for name, value in weights.items()}
    first = _first_convolution(weights.keys() & wanted.keys(), model)
    fitted, inflated, resized, untrained = {}, [], [], []
    for name, value in weights.items():
        there = wanted.get(name)
        if there is None or value.shape == there.shape:
            fitted[name] = value
            continue
        table = resize_table(name, value, there)
        if table.shape == there.shape:
            fitted[name] = table
            resized.append(_change(name, value, there))
        elif _is_table(name) and _fits_itself(name, model):
            fitted[name] = value
        elif name == first and _differ_in(value, there) == [1]:
            fitted[name] = inflate(value, there.shape[1])
            inflated.append(_change(name, value, there))
        elif _differ_in(value, there) == [0] and not _is_table(name):
            untrained.append(_change(name, value, there))
        else:
            raise InputError(
                f'load_from: {name} is {tuple(value.shape)} in the checkpoint '
                f'and {tuple(there.shape)} in the model; it is of another '
                'architecture'
            )
    _log('The first layer is inflated to other bands', inflated)
    _log('Positions are interpolated to another grid', resized)
    _log(
        'These give other classes or words, and begin untrained',
        untrained,
        True,
    )
    return fitted


def _find_place(weights: dict[str, Tensor], wanted: dict[str, Tensor]) -> str:
    """Find the prefix under which most of the names are in the model.

    Of several, that of most equal shapes; of equals the first, since a
    student is made before its teacher.

    Raises:
        InputError: There is none.
    """
    names, shapes = Counter(), Counter()
    for name, value in wanted.items():
        parts = name.split('.')
        for depth in range(len(parts)):
            here = weights.get('.'.join(parts[depth:]))
            if here is not None:
                place = '.'.join([*parts[:depth], ''])
                names[place] += 1
                shapes[place] += here.shape == value.shape
    if not names:
        raise InputError(
            f'load_from: none of the {len(weights)} weights of the '
            f'checkpoint (first: {next(iter(weights), "none")}) is one of '
            f'the model (first: {next(iter(wanted), "none")}); it is of '
            'another model'
        )
    return max(names, key=lambda x: (names[x], shapes[x], -x.count('.')))


def _first_convolution(names: Iterable[str], model: nn.Module) -> str | None:
    """Name the kernel that sees the image: the first one of the weights."""
    names = set(names)
    kernels = (
        f'{name}.weight'
        for name, module in model.named_modules()
        if isinstance(module, nn.Conv2d) and module.groups == 1
    )
    return next((name for name in kernels if name in names), None)


def _fits_itself(name: str, model: nn.Module) -> bool:
    """Whether a table's module changes what it loads."""
    owner = model.get_submodule(name.rpartition('.')[0])
    plain = nn.Module._load_from_state_dict
    return bool(
        type(owner)._load_from_state_dict is not plain
        or owner._load_state_dict_pre_hooks
    )


def _is_table(name: str) -> bool:
    """Whether a name is of positions, which no class is."""
    return re.search(r'(?:^|[._])pos(?:_|ition)', name) is not None


def _differ_in(value: Tensor, there: Tensor) -> list[int] | None:
    """Dimensions in which shapes differ; None if their numbers do."""
    if value.ndim != there.ndim:
        return None
    sizes = zip(value.shape, there.shape)
    return [i for i, (old, new) in enumerate(sizes) if old != new]


def _change(name: str, value: Tensor, there: Tensor) -> str:
    return f'{name} {tuple(value.shape)} -> {tuple(there.shape)}'


def _log(message: str, names: list[str], is_warning: bool = False) -> None:
    if names:
        level = logging.WARNING if is_warning else logging.INFO
        print_log(f'{message}: {", ".join(names)}', 'current', level)
