"""The selective scan of Mamba over several orders of the same tokens.

Mamba (arXiv 2312.00752), with its step as mamba-ssm computes it. For every
channel d and state n, along the order of a path and from h = 0,

    step = softplus(delta + delta_bias)
    h[n] = exp(step A[n]) h[n] + step B[n] u
    y    = (sum_n C[n] h[n] + D u) silu(z)

States and parameters are float32 whatever the inputs are.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .backends import choose_backend, get_module
from .orders import Forward, Order, check_orders
from .problem import Problem, state_dtype

__all__ = ['multi_order_scan', 'selective_scan_fn']

_FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)


def multi_order_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    orders: Sequence[Order],
    D: Tensor | None = None,
    z: Tensor | None = None,
    delta_bias: Tensor | None = None,
    delta_softplus: bool = False,
    return_last_state: bool = False,
    backend: str | None = None,
    check_finite: bool | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    """Scan K orders of M sequences of L tokens with D channels at once.

    Every tensor is in token order and stays there: no order copies, flips or
    gathers its input or its output.

    Args:
        u: Input (M, K, L, D): float32, float16, bfloat16, or float64 where
            the back-end is ``'torch'``.
        delta: Step sizes (M, K, L, D) before bias and softplus.
        A: Decay rates, negative; (D, N), or (K, D, N) with one set a path.
            N <= 64 where the back-end is not ``'torch'``.
        B: (M, K, L, N), or (M, K, L, G, N) for G groups of D / G channels.
        C: As `B`.
        orders: K orders.
        D: Skip connection (D,) or (K, D).
        z: Gate (M, L, D), shared by the paths.
        delta_bias: (D,) or (K, D).
        delta_softplus: Pass delta + delta_bias through softplus.
        return_last_state: Also return the state after the last step. No
            gradient flows through it.
        backend: ``'torch'``, ``'cpu'``, ``'triton'`` or ``'mamba_ssm'``. By
            default the environment variable ``MMRS_SCAN_BACKEND``, or else
            the fastest one for the device of `u`.
        check_finite: Raise an error when a state ends as NaN or infinite. By
            default where that costs nothing, on a CPU.

    Returns:
        (M, K, L, D) of the dtype of `u`, in token order; with
        `return_last_state` also the states (M, K, D, N), float32.

    Raises:
        ValueError: A shape, an order, a device or a dtype does not fit, or
            an input holds NaN.
    """
    _check_input(u)
    check_orders(orders, u.shape[0], u.shape[2])
    problem = _as_problem(
        u, delta, A, B, C, tuple(orders), D, z, delta_bias, delta_softplus
    )
    if u.is_meta:
        y, last_state = torch.empty_like(u), _meta_state(problem)
    else:
        name = choose_backend(backend, u, A.shape[-1])
        y, last_state = _run(name, problem)
        if check_finite or (check_finite is None and u.device.type == 'cpu'):
            _check_finite(problem, last_state)
    return (y, last_state) if return_last_state else y


def selective_scan_fn(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    z: Tensor | None = None,
    delta_bias: Tensor | None = None,
    delta_softplus: bool = False,
    return_last_state: bool = False,
    backend: str | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    """Scan one order, with the arguments of mamba-ssm's function.

    Args:
        u: Input (M, D, L).
        delta: (M, D, L).
        A: (D, N), real.
        B: (D, N), (M, N, L) or (M, G, N, L).
        C: As `B`.
        D: (D,).
        z: Gate (M, D, L).
        delta_bias: (D,).
        delta_softplus: Pass delta + delta_bias through softplus.
        return_last_state: Also return the states (M, D, N), float32.
        backend: As of :func:`multi_order_scan`.

    Returns:
        (M, D, L) of the dtype of `u`, and the states where asked for.
    """
    if A.is_complex():
        raise ValueError('A is complex; only real A is supported')

    def tokens_first(tensor: Tensor) -> Tensor:
        return tensor.transpose(1, 2).unsqueeze(1).contiguous()

    result = multi_order_scan(
        tokens_first(u),
        tokens_first(delta),
        A,
        _tokens_first_states(B, u),
        _tokens_first_states(C, u),
        [Forward()],
        D,
        None if z is None else z.transpose(1, 2),
        delta_bias,
        delta_softplus,
        return_last_state,
        backend,
    )
    if not return_last_state:
        return result.squeeze(1).transpose(1, 2)
    y, last_state = result
    return y.squeeze(1).transpose(1, 2), last_state.squeeze(1)


def _tokens_first_states(tensor: Tensor, u: Tensor) -> Tensor:
    """B or C of mamba-ssm -> (M, 1, L, G, N)."""
    batch, _, length = u.shape
    if tensor.ndim == 2:  # one for each channel, whatever the token is
        return tensor.to(u.dtype).expand(batch, 1, length, -1, -1)
    if tensor.ndim == 3:
        tensor = tensor.unsqueeze(1)
    return tensor.permute(0, 3, 1, 2).unsqueeze(1)


def _check_input(u: Tensor) -> None:
    if u.ndim != 4 or 0 in u.shape:
        raise ValueError(
            'u must be (M, K, L, D) with at least one sequence, path, token '
            f'and channel, got {tuple(u.shape)}'
        )
    if u.dtype not in _FLOATS:
        raise ValueError(
            f'u is {u.dtype}; the scan takes float32, float16, bfloat16 and '
            'float64'
        )


def _as_problem(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    orders: tuple[Order, ...],
    D: Tensor | None,
    z: Tensor | None,
    delta_bias: Tensor | None,
    delta_softplus: bool,
) -> Problem:
    """Bring all tensors into the one form of back-ends, and check them."""
    batch, paths, length, channels = u.shape
    if len(orders) != paths:
        raise ValueError(
            f'u has {paths} paths, but {len(orders)} orders are given'
        )
    states, dtype = A.shape[-1], state_dtype(u)
    if A.ndim == 2:
        A = A.expand(paths, -1, -1)
    B, C = (t.unsqueeze(3) if t.ndim == 4 else t for t in (B, C))
    groups = B.shape[3] if B.ndim == 5 else 1
    if groups == 0 or channels % groups:
        raise ValueError(
            f'{channels} channels cannot be shared by {groups} groups of B '
            'and C'
        )
    D, delta_bias = (
        t.expand(paths, -1) if t is not None and t.ndim == 1 else t
        for t in (D, delta_bias)
    )
    per_path = (paths, channels)
    expected = dict(
        delta=(delta, u.shape),
        A=(A, (*per_path, states)),
        B=(B, (batch, paths, length, groups, states)),
        C=(C, (batch, paths, length, groups, states)),
        D=(D, per_path),
        z=(z, (batch, length, channels)),
        delta_bias=(delta_bias, per_path),
    )
    for name, (tensor, shape) in expected.items():
        if tensor is None:
            continue
        if tuple(tensor.shape) != tuple(shape):
            raise ValueError(
                f'{name} is {tuple(tensor.shape)}, but beside u of '
                f'{tuple(u.shape)} it must be {tuple(shape)}'
            )
        if tensor.device != u.device:
            raise ValueError(
                f'{name} is on {tensor.device}, but u is on {u.device}; move '
                'all tensors to one device'
            )
    if states == 0:
        raise ValueError(f'A has no states: {tuple(A.shape)}')
    return Problem(
        u,
        delta.to(u.dtype),
        A.to(dtype),
        B.to(u.dtype),
        C.to(u.dtype),
        None if D is None else D.to(dtype),
        None if z is None else z.to(u.dtype),
        None if delta_bias is None else delta_bias.to(dtype),
        orders,
        delta_softplus,
    )


def _run(name: str, problem: Problem) -> tuple[Tensor, Tensor]:
    if name == 'mamba_ssm':
        return get_module(name).run(problem)  # differentiates by itself
    *tensors, orders, delta_softplus = problem
    keep_states = torch.is_grad_enabled() and any(
        tensor is not None and tensor.requires_grad for tensor in tensors
    )
    return _Scan.apply(name, keep_states, orders, delta_softplus, *tensors)


class _Scan(torch.autograd.Function):
    """Puts a back-end's two functions into the graph."""

    @staticmethod
    def forward(ctx, name, keep_states, orders, delta_softplus, *tensors):
        problem = Problem(*tensors, orders, delta_softplus)
        y, last_state, saved = get_module(name).forward(problem, keep_states)
        ctx.name, ctx.settings = name, (orders, delta_softplus)
        ctx.num_saved = len(saved)
        ctx.save_for_backward(*saved, *tensors)
        ctx.mark_non_differentiable(last_state)
        return y, last_state

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_y, _):
        saved = ctx.saved_tensors
        problem = Problem(*saved[ctx.num_saved :], *ctx.settings)
        gradients = get_module(ctx.name).backward(
            problem, saved[: ctx.num_saved], grad_y
        )
        return None, None, None, None, *gradients


def _meta_state(problem: Problem) -> Tensor:
    batch, paths, _, channels = problem.u.shape
    return problem.A.new_empty((batch, paths, channels, problem.A.shape[2]))


def _check_finite(problem: Problem, last_state: Tensor) -> None:
    """Raise a ValueError if a state is not finite, and say through what.

    What is not finite in an input stays in the state to the end, so that
    looking at the last state alone is enough.
    """
    if last_state.isfinite().all():
        return
    for name, value in problem._asdict().items():
        if isinstance(value, Tensor) and not value.isfinite().all():
            raise ValueError(
                f'{name} holds values that are NaN or infinite; they would '
                'spread to all later tokens'
            )
    raise ValueError(
        'the states of the scan overflow: A must be negative, and the '
        'steps not below zero'
    )
