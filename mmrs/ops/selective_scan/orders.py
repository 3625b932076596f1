"""The order in which a path of a scan visits its tokens.

An order changes neither the layout nor the length of a sequence: tensors stay
in token order, and the scan walks over their rows. `Forward` and `Reverse`
are Mamba's and Vim's, `Strided` walks an image down its columns, `Index` is
any permutation, such as RSMamba's shuffle.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

__all__ = [
    'Forward',
    'Index',
    'Order',
    'Reverse',
    'Strided',
    'check_orders',
    'visited_rows',
]


class Order(ABC):
    """A walk over the L tokens of a sequence that visits each once."""

    @abstractmethod
    def rows(self, length: int) -> Tensor:
        """Token visited at every step.

        Args:
            length: Number of tokens L.

        Returns:
            (L,), or (M, L) where it differs between sequences; int32.
        """

    def check(self, batch: int, length: int) -> None:  # noqa: B027
        """Raise a ValueError if sequences (batch, length) do not fit."""


@dataclass(frozen=True)
class Forward(Order):
    """First token to last."""

    def rows(self, length: int) -> Tensor:
        """0, 1, ..., L - 1."""
        return torch.arange(length, dtype=torch.int32)


@dataclass(frozen=True)
class Reverse(Order):
    """Last token to first."""

    def rows(self, length: int) -> Tensor:
        """L - 1, ..., 1, 0."""
        return torch.arange(length - 1, -1, -1, dtype=torch.int32)


@dataclass(frozen=True)
class Strided(Order):
    """Down the columns of a row-major image, one column after the other.

    Args:
        height: Rows of the image.
        width: Columns of the image.
    """

    height: int
    width: int

    def rows(self, length: int) -> Tensor:
        """0, w, 2w, ..., 1, w + 1, ..."""
        steps = torch.arange(length, dtype=torch.int32)
        return steps % self.height * self.width + steps // self.height

    def check(self, batch: int, length: int) -> None:
        """Raise a ValueError if the image does not have L tokens."""
        if self.height * self.width != length:
            raise ValueError(
                f'{self} walks over {self.height * self.width} tokens, the '
                f'sequence has {length}'
            )


class Index(Order):
    """Any permutation.

    Args:
        index: (L,), or (M, L) with one permutation a sequence; integers. The
            token visited at every step.

    Raises:
        ValueError: `index` is no permutation of 0 ... L - 1.
    """

    def __init__(self, index: Tensor) -> None:
        if index.ndim not in (1, 2) or index.is_floating_point():
            raise ValueError(
                f'an order is given by integers (L,) or (M, L), got '
                f'{tuple(index.shape)} of {index.dtype}'
            )
        self.index = index.to(torch.int32).contiguous()
        steps = torch.arange(index.shape[-1], device=index.device)
        if not index.is_meta and (index.sort(-1).values != steps).any():
            raise ValueError(
                'an order must visit every token once, but this index is no '
                f'permutation of 0 to {index.shape[-1] - 1}'
            )

    def rows(self, length: int) -> Tensor:
        """Return the permutation."""
        return self.index

    def check(self, batch: int, length: int) -> None:
        """Raise a ValueError if the permutation is of another size."""
        shape = tuple(self.index.shape)
        if shape not in ((length,), (batch, length)):
            raise ValueError(
                f'an index of shape {shape} cannot order {batch} sequences '
                f'of {length} tokens; give ({length},) or ({batch}, {length})'
            )

    def __repr__(self) -> str:
        return f'Index({tuple(self.index.shape)})'


def check_orders(orders: Sequence[Order], batch: int, length: int) -> None:
    """Raise a TypeError or ValueError if an order cannot be walked."""
    for order in orders:
        if not isinstance(order, Order):
            raise TypeError(
                f'{order!r} is no order; give Forward(), Reverse(), '
                'Strided(height, width) or Index(permutation)'
            )
        order.check(batch, length)


@lru_cache(maxsize=64)
def _fixed_rows(orders: tuple[Order, ...], length: int) -> Tensor:
    return torch.stack([order.rows(length) for order in orders])


def visited_rows(
    orders: Sequence[Order], batch: int, length: int, device: torch.device
) -> Tensor:
    """Tabulate the tokens that the paths visit.

    Returns:
        (M, K, L) int32; sequences that share an order share the memory.
    """
    if not any(isinstance(order, Index) for order in orders):
        rows = _fixed_rows(tuple(orders), length).to(device)
        return rows.expand(batch, -1, -1)
    rows = [order.rows(length).to(device) for order in orders]
    if all(row.ndim == 1 for row in rows):
        return torch.stack(rows).expand(batch, -1, -1)
    return torch.stack([row.expand(batch, length) for row in rows], dim=1)
