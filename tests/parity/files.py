"""Reads parity files: what an author's network computes on fixed inputs.

A parity file is an ``.npz`` with ``meta`` (JSON: what was run, with which
sizes), ``io/NAME`` (inputs and outputs) and the weights under the author's
names: stored as ``sd/NAME``, or, for a large network, as ``keys`` (JSON: name
-> shape and dtype), from which :func:`weight_by_rule` makes them again.
"""

import json
import math
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mmrs.errors import InputError

ABSOLUTE, RELATIVE = 1e-4, 1e-3  # tolerances of float32 networks


class ParityFile(NamedTuple):
    """Contents of a parity file.

    Attributes:
        meta: What was run, with which sizes.
        state_dict: The weights, under the author's names.
        io: Inputs and outputs by name.
    """

    meta: dict
    state_dict: dict[str, Tensor]
    io: dict[str, Tensor]


def read_parity_file(path: str | Path) -> ParityFile:
    """Read a parity file.

    Raises:
        InputError: The file is missing or of another kind.
    """
    if not Path(path).is_file():
        raise InputError(f'parity file {path} does not exist')
    try:
        with np.load(path) as archive:
            arrays = dict(archive)
        meta = json.loads(arrays['meta'].tobytes())
    except (ValueError, KeyError) as error:
        raise InputError(
            f'{path} is not a parity file: no .npz with a `meta` entry'
        ) from error
    state_dict = _with_prefix(arrays, 'sd/')
    if 'keys' in arrays:
        rules = json.loads(arrays['keys'].tobytes())
        for name in rules.keys() - state_dict.keys():
            shape, dtype = rules[name]
            state_dict[name] = weight_by_rule(name, shape, dtype, meta['seed'])
    return ParityFile(meta, state_dict, _with_prefix(arrays, 'io/'))


def _with_prefix(arrays: dict, prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): torch.from_numpy(array)
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def weight_by_rule(
    name: str, shape: list[int], dtype: str, seed: int
) -> Tensor:
    """Make the weight that parity files define by its name.

    Normal numbers from a generator seeded with the CRC-32 of the name plus
    ``seed``; scaled by the fan-in for matrices and kernels, near one for
    scales and near zero for shifts. Integers (counters) are zero.
    """
    if 'int' in dtype:
        return torch.zeros(shape, dtype=getattr(torch, dtype))
    crc = zlib.crc32(name.encode()) + seed
    # The files were made with the legacy generator.
    generator = np.random.RandomState(crc % 2**32)
    normal = generator.standard_normal(shape)
    if name.endswith('running_var'):
        value = 0.5 + np.abs(normal)
    elif name.endswith('running_mean') or len(shape) < 2:
        value = 0.1 * normal
        if name.endswith('weight'):
            value += 1
    else:
        value = normal / math.sqrt(math.prod(shape[1:]))
    return torch.as_tensor(value, dtype=torch.float32)


class Deviation(NamedTuple):
    """How far an output is from its reference.

    Attributes:
        absolute: The largest difference.
        relative: The largest difference over the reference's magnitude,
            where that is so large (0.1) that the relative tolerance counts
            for more than the absolute one.
        within: Whether |a - b| <= 1e-4 + 1e-3 |b| everywhere.
    """

    absolute: float
    relative: float
    within: bool


def compare(ours: Tensor, reference: Tensor) -> Deviation:
    """Compare an output with its reference; NaN is never within."""
    if ours.shape != reference.shape:
        raise InputError(
            f'an output of ours is {tuple(ours.shape)}, the reference '
            f'{tuple(reference.shape)}'
        )
    ours, reference = ours.double(), reference.double()
    error, size = (ours - reference).abs(), reference.abs()
    relative = (error / size)[size > ABSOLUTE / RELATIVE]
    return Deviation(
        error.max().item(),
        relative.max().item() if relative.numel() else 0.0,
        bool((error <= ABSOLUTE + RELATIVE * size).all()),
    )
