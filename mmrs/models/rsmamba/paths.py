"""The orders in which RSMamba's blocks scan the tokens."""

import zlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from mmengine.logging import MessageHub
from torch import Tensor

from mmrs.errors import InputError
from mmrs.ops.selective_scan import Forward, Index, Order, Reverse, Strided

from .tokens import TokenLayout

PATHS = ('forward', 'reverse', 'shuffle', 'strided')
MERGES = ('mean', 'gate')


def parse_path_type(path_type: str) -> tuple[tuple[str, ...], str]:
    """Split for example ``'forward_reverse_gate'``.

    Returns:
        Names of the paths, and how they are merged: ``'mean'`` or
        ``'gate'``.
    """
    if path_type in PATHS:  # a single path needs no merging
        return (path_type,), 'mean'
    *names, merge = path_type.split('_')
    known = set(names) <= set(PATHS) and merge in MERGES
    if not known or len(names) < 2 or len(set(names)) < len(names):
        raise InputError(
            f'path_type {path_type!r} is unknown: join different ones of '
            f'{", ".join(PATHS)} by underscores, and if there are several '
            "end with _mean or _gate, as in 'forward_reverse_shuffle_gate'"
        )
    return tuple(names), merge


def make_orders(
    names: Sequence[str], layout: TokenLayout, shuffle: Order | None
) -> list[Order]:
    """Make the orders of one block's paths."""
    orders = dict(
        forward=Forward(), reverse=Reverse(), shuffle=shuffle, strided=None
    )
    if 'strided' in names:
        orders['strided'] = _strided(layout)
    return [orders[name] for name in names]


@lru_cache(maxsize=64)
def _strided(layout: TokenLayout) -> Order:
    """Walk down the columns of patches; class tokens stay in their place."""
    columns = Strided(layout.height, layout.width)
    if layout.length == layout.num_patches:
        return columns
    rows, cls_rows = layout.separate(torch.arange(layout.length)[None])
    walk = rows[:, columns.rows(layout.num_patches).long()]
    return Index(layout.join(walk, cls_rows)[0])


def shuffles_of(
    permutations: Sequence[Tensor], device: torch.device
) -> tuple[Index, ...]:
    """Make orders, with a single copy to the device for all of them.

    Args:
        permutations: (L,) or (B, L) for each block.
        device: Where the tokens are.
    """
    orders = tuple(Index(permutation.cpu()) for permutation in permutations)
    table = torch.stack([order.index for order in orders])
    for order, index in zip(orders, table.to(device, non_blocking=True)):
        order.index = index
    return orders


def random_shuffles(
    num: int, length: int, device: torch.device
) -> tuple[Index, ...]:
    """Draw from PyTorch's global generator of the CPU, as the release."""
    return shuffles_of([torch.randperm(length) for _ in range(num)], device)


@lru_cache(maxsize=16)
def fixed_shuffles(
    num: int, length: int, device: torch.device
) -> tuple[Index, ...]:
    """Permutations that follow from block and number of tokens alone."""
    return shuffles_of(
        [_permutation(length, block) for block in range(num)], device
    )


def seeded_shuffles(
    num: int, length: int, device: torch.device, seed: int
) -> tuple[Index, ...]:
    """Permutations that follow from a seed and the runner's iteration.

    They are the same in all processes, and in a resumed run. Without a
    runner the iteration is 0.
    """
    iteration = MessageHub.get_current_instance().get_info('iter', 0)
    return shuffles_of(
        [_permutation(length, seed, iteration, block) for block in range(num)],
        device,
    )


def _permutation(length: int, *key: int) -> Tensor:
    # The legacy generator, since NumPy never changes what it gives.
    generator = np.random.RandomState(
        zlib.crc32(repr((length, *key)).encode())
    )
    return torch.from_numpy(generator.permutation(length))
