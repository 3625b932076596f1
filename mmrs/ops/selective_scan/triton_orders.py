"""Orders of tokens as Triton kernels walk them.

Forward, reverse and strided orders visit at step t the token

    first + (t mod period) inner + (t div period) outer

and need no memory. Other orders are looked up in a table of indices.
"""

from functools import lru_cache
from typing import NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from .orders import Forward, Order, Reverse, Strided


class Walks(NamedTuple):
    """K orders as the kernels take them.

    Attributes:
        formulas: (K, 5) int32: first, period, inner, outer, and the order's
            place in `table`, or -1 if the formula holds.
        table: Tokens (places, M, L) int32, or (places, 1, L) if they are the
            same for all sequences; None without a place.
        tables: Length of the second axis of `table`, M or 1.
        strided: Whether an order has a period below L.
    """

    formulas: Tensor
    table: Tensor | None
    tables: int
    strided: bool


def as_walks(
    orders: tuple[Order, ...],
    length: int,
    device: torch.device,
    inverse: bool = False,
) -> Walks:
    """Bring orders into the form of the kernels.

    Args:
        orders: K orders.
        length: Number of tokens L.
        device: Where the kernels run.
        inverse: Tell the step that visits a token instead of the token that
            is visited at a step.
    """
    formulas, tables = [], []
    for order in orders:
        formula = _formula(order, length, inverse)
        if formula is None:
            formula = (0, length, 0, 0, len(tables))
            table = order.rows(length).to(device)
            tables.append(_inverse(table) if inverse else table)
        formulas.append(formula)
    batch = max((len(t) for t in tables if t.ndim == 2), default=1)
    table = None
    if tables:
        table = torch.stack([t.expand(batch, length) for t in tables])
    return Walks(
        _on_device(tuple(formulas), device),
        table,
        batch,
        any(period < length for _, period, *_ in formulas),
    )


def _formula(
    order: Order, length: int, inverse: bool
) -> tuple[int, ...] | None:
    if type(order) is Forward:
        return 0, length, 1, 0, -1
    if type(order) is Reverse:
        return length - 1, length, -1, 0, -1
    if type(order) is Strided:
        height, width = order.height, order.width
        if inverse:  # a walk down the columns of the transposed image
            height, width = width, height
        return 0, height, width, 1, -1
    return None


def _inverse(table: Tensor) -> Tensor:
    """Steps that visit the tokens, of a table (L,) or (M, L)."""
    steps = torch.arange(
        table.shape[-1], dtype=table.dtype, device=table.device
    )
    return torch.empty_like(table).scatter_(
        -1, table.long(), steps.expand_as(table)
    )


@lru_cache(maxsize=64)
def _on_device(
    formulas: tuple[tuple[int, ...], ...], device: torch.device
) -> Tensor:
    return torch.tensor(formulas, dtype=torch.int32, device=device)


@triton.jit
def load_walk(formulas, table, tables, path, sequence, length):
    """Load what `visit` needs of a path's order.

    Args:
        formulas: As of `Walks`.
        table: As of `Walks`.
        tables: Length of the second axis of `table`.
        path: The path.
        sequence: The sequence.
        length: Number of tokens L.
    """
    formula = formulas + path * 5
    place = tl.load(formula + 4)
    if table is not None:
        which = place.to(tl.int64) * tables + sequence % tables
        table += which * length
    return (
        tl.load(formula),
        tl.load(formula + 1),
        tl.load(formula + 2),
        tl.load(formula + 3),
        place >= 0,
        table,
    )


@triton.jit
def visit(walk, t, length, STRIDED: tl.constexpr):
    """Token of step t of a walk, and the last one's of later steps."""
    first, period, inner, outer, looked_up, table = walk
    t = tl.minimum(t, length - 1)
    if STRIDED:
        row = first + t % period * inner + t // period * outer
    else:
        row = first + t * inner
    if table is not None:
        row = tl.load(table + t, mask=looked_up, other=row)
    return row
