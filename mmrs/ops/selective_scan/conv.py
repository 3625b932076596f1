"""Mamba's short convolution, along several orders of the tokens at once."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .backends import choose_backend, get_module
from .orders import Order, check_orders

__all__ = ['multi_order_conv']


def multi_order_conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    orders: Sequence[Order],
    backend: str | None = None,
) -> Tensor:
    """Convolve every channel along K orders, and pass the sum through SiLU.

    Causal: at a step of the order, the convolution sees the token of that
    step and those of the W - 1 steps before it, and zeros before the first.

    Args:
        x: (M, L, D), one sequence for all orders.
        weight: (D, W), or (D, 1, W) as `nn.Conv1d` holds it; the last tap is
            that of the present token.
        bias: (D,) or None.
        orders: K orders.
        backend: As of :func:`multi_order_scan`.

    Returns:
        (M, K, L, D) in token order, of the dtype of `x`.

    Raises:
        ValueError: A shape, an order or a device does not fit.
    """
    if x.ndim != 3 or 0 in x.shape:
        raise ValueError(
            'x must be (M, L, D) with at least one sequence, token and '
            f'channel, got {tuple(x.shape)}'
        )
    batch, length, channels = x.shape
    check_orders(orders, batch, length)
    weight = weight.flatten(1)
    for name, tensor in (('weight', weight), ('bias', bias)):
        if tensor is None:
            continue
        if len(tensor) != channels:
            raise ValueError(
                f'{name} is of {len(tensor)} channels, x of {channels}'
            )
        if tensor.device != x.device:
            raise ValueError(
                f'{name} is on {tensor.device}, but x is on {x.device}; move '
                'all tensors to one device'
            )
    if x.is_meta:
        return x.new_empty((batch, len(orders), length, channels))
    name = choose_backend(backend, x, num_states=1)
    if name in ('torch', 'mamba_ssm'):  # differentiates by itself
        module = get_module('torch')
        return module.conv_forward(x, weight, bias, tuple(orders))
    return _Conv.apply(name, tuple(orders), x, weight, bias)


class _Conv(torch.autograd.Function):
    """Puts a back-end's two functions into the graph."""

    @staticmethod
    def forward(ctx, name, orders, x, weight, bias):
        ctx.name, ctx.orders = name, orders
        ctx.save_for_backward(x, weight, bias)
        return get_module(name).conv_forward(x, weight, bias, orders)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_y):
        x, weight, bias = ctx.saved_tensors
        gradients = get_module(ctx.name).conv_backward(
            x, weight, bias, ctx.orders, grad_y
        )
        return None, None, *gradients
