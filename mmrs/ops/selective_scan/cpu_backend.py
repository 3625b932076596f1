"""The scan and the convolution on a CPU: numba kernels, over threads.

Inputs of 16 bits are widened to float32 first. Channels are padded to whole
vectors where they are not.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from . import cpu_kernels as kernels
from .orders import Order, visited_rows
from .problem import Gradients, Problem, Solution
from .simd import LANES

UNIT = 128  # channels of a unit of work
LOG2_E = 1.4426950408889634
MAX_EXPONENT = 128  # 2^128 is infinite in float32
TINY = 1e-30


def forward(p: Problem, keep_states: bool) -> Solution:
    """Compute the outputs; keep every 16th state for `backward`."""
    pad = _Padding(p.u.shape[3], p.B.shape[3])
    inputs = _scan_inputs(p, pad)
    batch, paths, length, _ = p.u.shape
    gate = _empty(0) if p.z is None else F.silu(pad.add(p.z))
    y = _empty(batch, paths, length, pad.channels)
    last_state = _empty(batch, paths, p.A.shape[2], pad.channels)
    num_kept = -(-length // kernels.STEPS) if keep_states else 0
    kept = _empty(batch, paths, num_kept, p.A.shape[2], pad.channels)
    others = [_flat(tensor) for tensor in (gate, y, last_state, kept)]
    units = _scan_units(p, pad)

    def run(some: slice) -> None:
        kernels.scan_forward(units[some], *inputs, *others)

    _in_threads(run, len(units))
    return Solution(
        pad.remove(y).to(p.u.dtype),
        pad.remove(last_state).transpose(2, 3),
        (kept,),
    )


def backward(
    p: Problem, saved: tuple[Tensor, ...], grad_y: Tensor
) -> Gradients:
    """Walk back through the states with the adjoint state."""
    pad = _Padding(p.u.shape[3], p.B.shape[3])
    inputs = _scan_inputs(p, pad)
    units = _scan_units(p, pad)
    batch, paths, length, _ = p.u.shape
    groups, states = p.B.shape[3:]
    gate = bend = _empty(0)
    if p.z is not None:
        z = pad.add(p.z)
        sigmoid = z.sigmoid()
        gate, bend = z * sigmoid, sigmoid * (1 + z * (1 - sigmoid))
    full = (batch, paths, length, pad.channels)
    grad_u, grad_delta = _empty(*full), _empty(*full)
    grad_z = _empty(*full) if p.z is not None else _empty(0)
    grad_A = _empty(batch, paths, states, pad.channels)
    grad_D, grad_bias = _empty(2, batch, paths, pad.channels)
    grad_B, grad_C = _empty(2, len(units), length, states)
    others = [
        _flat(tensor)
        for tensor in (
            gate,
            bend,
            pad.add(p.A.transpose(1, 2)),
            saved[0],
            pad.add(grad_y),
            grad_u,
            grad_delta,
            grad_z,
            grad_A,
            grad_D,
            grad_bias,
        )
    ]
    shares_B, shares_C = grad_B.numpy(), grad_C.numpy()

    def run(some: slice) -> None:
        kernels.scan_backward(
            units[some], *inputs, *others, shares_B[some], shares_C[some]
        )

    _in_threads(run, len(units))

    def sum_units(shares: Tensor) -> Tensor:
        """(U, L, N) -> (M, K, L, G, N)."""
        per_group = shares.view(batch, paths, groups, -1, length, states)
        return per_group.sum(3).transpose(2, 3)

    dtype = p.u.dtype
    return Gradients(
        pad.remove(grad_u).to(dtype),
        pad.remove(grad_delta).to(dtype),
        pad.remove(grad_A.sum(0)).transpose(1, 2),
        sum_units(grad_B).to(dtype),
        sum_units(grad_C).to(dtype),
        None if p.D is None else pad.remove(grad_D.sum(0)),
        None if p.z is None else pad.remove(grad_z.sum(1)).to(dtype),
        None if p.delta_bias is None else pad.remove(grad_bias.sum(0)),
    )


def conv_forward(
    x: Tensor, weight: Tensor, bias: Tensor | None, orders: tuple[Order, ...]
) -> Tensor:
    """Convolve along every order, then SiLU; see `multi_order_conv`."""
    pad = _Padding(x.shape[2])
    inputs = _conv_inputs(x, weight, bias, orders, pad)
    y = _empty(len(x), len(orders), x.shape[1], pad.channels)
    units, flat_y = _conv_units(x, pad), _flat(y)

    def run(some: slice) -> None:
        kernels.conv_forward(units[some], *inputs, flat_y)

    _in_threads(run, len(units))
    return pad.remove(y).to(x.dtype)


def conv_backward(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    orders: tuple[Order, ...],
    grad_y: Tensor,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Gradients of `x`, `weight` and `bias`."""
    pad = _Padding(x.shape[2])
    inputs = _conv_inputs(x, weight, bias, orders, pad)
    grad_x = _empty(*x.shape[:2], pad.channels)
    grad_weight = _empty(len(x), weight.shape[1], pad.channels)
    grad_bias = _empty(len(x), pad.channels)
    others = [
        _flat(tensor)
        for tensor in (pad.add(grad_y), grad_x, grad_weight, grad_bias)
    ]
    units = _conv_units(x, pad)

    def run(some: slice) -> None:
        kernels.conv_backward(units[some], *inputs, *others)

    _in_threads(run, len(units))
    return (
        pad.remove(grad_x).to(x.dtype),
        pad.remove(grad_weight.sum(0)).t().to(weight.dtype),
        None if bias is None else pad.remove(grad_bias.sum(0)).to(bias.dtype),
    )


class _Padding:
    """Pads the channels of every group to whole vectors, and takes it off.

    Args:
        channels: Channels D.
        groups: Groups G that share them equally.
    """

    def __init__(self, channels: int, groups: int = 1) -> None:
        self.groups = groups
        self.surplus = -(channels // groups) % LANES
        self.channels = channels + groups * self.surplus

    def add(self, tensor: Tensor) -> Tensor:
        """(..., D) of any float type -> (..., channels) of float32."""
        tensor = tensor.float()
        if self.surplus == 0:
            return tensor
        grouped = tensor.unflatten(-1, (self.groups, -1))
        return F.pad(grouped, (0, self.surplus)).flatten(-2)

    def remove(self, tensor: Tensor) -> Tensor:
        """(..., channels) -> (..., D)."""
        if self.surplus == 0:
            return tensor
        grouped = tensor.unflatten(-1, (self.groups, -1))
        return grouped[..., : -self.surplus].flatten(-2)

    def spans(self) -> list[tuple[int, int, int]]:
        """Group, first and last channel of every unit of work."""
        width = self.channels // self.groups
        return [
            (
                group,
                group * width + start,
                group * width + min(start + UNIT, width),
            )
            for group in range(self.groups)
            for start in range(0, width, UNIT)
        ]


def _scan_inputs(p: Problem, pad: _Padding) -> list:
    """Arguments of the scan's kernels that go in."""
    paths, states = len(p.orders), p.A.shape[2]
    rates = pad.add(p.A.transpose(1, 2) * LOG2_E)
    tensors = (
        pad.add(p.u),
        pad.add(p.delta),
        rates,
        MAX_EXPONENT / rates.amin(1).clamp(max=-TINY),
        MAX_EXPONENT / rates.amax(1).clamp(min=TINY),
        p.B,
        p.C,
        torch.zeros(paths, pad.channels) if p.D is None else pad.add(p.D),
        torch.zeros(paths, pad.channels)
        if p.delta_bias is None
        else pad.add(p.delta_bias),
    )
    return [
        p.rows.contiguous().numpy(),
        *map(_flat, tensors),
        p.delta_softplus,
        p.B.shape[3],
        states,
    ]


def _scan_units(p: Problem, pad: _Padding) -> np.ndarray:
    """(U, 5): sequence, path, group, first and last channel."""
    batch, paths = p.u.shape[:2]
    return np.array(
        [
            (m, k, *span)
            for m in range(batch)
            for k in range(paths)
            for span in pad.spans()
        ]
    )


def _conv_inputs(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    orders: tuple[Order, ...],
    pad: _Padding,
) -> list:
    """Arguments of the convolution's kernels that go in."""
    batch, length, channels = x.shape
    if bias is None:
        bias = torch.zeros(channels)
    return [
        visited_rows(orders, batch, length, x.device).contiguous().numpy(),
        _flat(pad.add(x)),
        _flat(pad.add(weight.t())),
        _flat(pad.add(bias)),
    ]


def _conv_units(x: Tensor, pad: _Padding) -> np.ndarray:
    """(U, 3): sequence, first and last channel."""
    return np.array(
        [
            (m, first, last)
            for m in range(len(x))
            for _, first, last in pad.spans()
        ]
    )


def _empty(*shape: int) -> Tensor:
    return torch.empty(shape, dtype=torch.float32)


def _flat(tensor: Tensor) -> np.ndarray:
    return tensor.detach().float().contiguous().view(-1).numpy()


def _in_threads(run: Callable[[slice], None], count: int) -> None:
    """Share `count` units of work among as many threads as PyTorch uses.

    The threads live for this call only: a pool that outlives it would be
    dead in the processes that data loaders fork.
    """
    threads = min(torch.get_num_threads(), count)
    if threads == 1:
        run(slice(0, count))
        return
    bounds = [count * i // threads for i in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(run, map(slice, bounds, bounds[1:])))
