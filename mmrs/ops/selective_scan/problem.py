"""What every back-end of the scan is given, and gives."""

from typing import NamedTuple

import torch
from torch import Tensor

from .orders import Order, visited_rows


class Problem(NamedTuple):
    """Tensors of a scan in the one form that back-ends see.

    M sequences, K paths over each, L tokens, D channels, N states, and G
    groups of channels that share B and C. All tensors are in token order.

    Attributes:
        u: Input (M, K, L, D).
        delta: Raw step sizes (M, K, L, D), of the dtype of `u`.
        A: (K, D, N); float32, or float64 with inputs of float64.
        B: (M, K, L, G, N), of the dtype of `u`.
        C: (M, K, L, G, N), of the dtype of `u`.
        D: Skip (K, D) of the dtype of `A`, or None.
        z: Gate (M, L, D) of the dtype of `u`, one for all paths, or None.
        delta_bias: (K, D) of the dtype of `A`, or None.
        orders: K orders.
        delta_softplus: Whether the step is softplus(delta + delta_bias).
    """

    u: Tensor
    delta: Tensor
    A: Tensor
    B: Tensor
    C: Tensor
    D: Tensor | None
    z: Tensor | None
    delta_bias: Tensor | None
    orders: tuple[Order, ...]
    delta_softplus: bool

    @property
    def rows(self) -> Tensor:
        """Token that each path visits at each step, (M, K, L) int32."""
        batch, _, length, _ = self.u.shape
        return visited_rows(self.orders, batch, length, self.u.device)


class Solution(NamedTuple):
    """What a back-end computes.

    Attributes:
        y: (M, K, L, D) in token order, of the dtype of `u`.
        last_state: (M, K, D, N), of the dtype of `A`.
        saved: What the back-end wants back for its backward pass.
    """

    y: Tensor
    last_state: Tensor
    saved: tuple[Tensor, ...]


class Gradients(NamedTuple):
    """Gradients of the tensors of a problem; None where that is None."""

    u: Tensor
    delta: Tensor
    A: Tensor
    B: Tensor
    C: Tensor
    D: Tensor | None
    z: Tensor | None
    delta_bias: Tensor | None


def state_dtype(u: Tensor) -> torch.dtype:
    """Dtype of states and parameters: float64 inputs keep theirs."""
    return torch.float64 if u.dtype == torch.float64 else torch.float32
