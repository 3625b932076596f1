"""The native CPU back-end against the definition."""

import pytest
import torch
from scan_toys import (
    loop_conv,
    loop_scan,
    random_orders,
    random_problem,
    with_gradients,
)

from mmrs.ops.selective_scan import multi_order_conv, multi_order_scan

pytest.importorskip('numba')

SIZES = [
    dict(batch=1, paths=1, length=1, channels=8, states=1),
    dict(batch=2, paths=2, length=3, channels=40, states=4, groups=2),
    dict(batch=5, paths=3, length=16, channels=8, states=16),
    dict(batch=1, paths=3, length=196, channels=40, states=24, groups=2),
    dict(batch=2, paths=5, length=70, channels=13, states=5),
    dict(batch=1, paths=2, length=197, channels=384, states=16),
    dict(batch=1, paths=2, length=33, channels=136, states=64, groups=4),
]


def scan(inputs, orders, softplus, backend):
    def run(**inputs):
        return multi_order_scan(
            orders=orders,
            delta_softplus=softplus,
            backend=backend,
            **inputs,
        )

    return with_gradients(run, inputs)


def close(ours, reference, tolerance=1e-5):
    """Within a tolerance relative to the largest value."""
    scale = reference.abs().max().clamp(min=1)
    error = (ours.double() - reference).abs().max() / scale
    assert error <= tolerance, f'{error:.2e}'


@pytest.mark.parametrize('softplus', [True, False])
@pytest.mark.parametrize('extras', [True, False])
@pytest.mark.parametrize('size', SIZES, ids=str)
def test_scan_matches_the_loop(size, extras, softplus):
    inputs, orders = random_problem(extras=extras, **size)
    if not softplus:
        inputs['delta'] = inputs['delta'].abs()
        inputs.pop('delta_bias', None)

    def definition(**inputs):
        return loop_scan(orders=orders, softplus=softplus, **inputs)

    expected, expected_grads = with_gradients(definition, inputs)
    inputs = {name: value.float() for name, value in inputs.items()}
    y, grads = scan(inputs, orders, softplus, 'cpu')
    close(y, expected)
    for name, grad in grads.items():
        close(grad, expected_grads[name], 3e-5)


@pytest.mark.parametrize('bias', [True, False])
@pytest.mark.parametrize(
    'size', [(1, 1, 8, 4), (2, 35, 13, 4), (3, 14, 140, 3)]
)
def test_conv_matches_the_loop(size, bias):
    batch, length, channels, taps = size
    generator = torch.Generator().manual_seed(0)
    inputs = dict(
        x=torch.randn(batch, length, channels, generator=generator),
        weight=torch.randn(channels, taps, generator=generator),
    )
    if bias:
        inputs['bias'] = torch.randn(channels, generator=generator)
    orders = random_orders(5, batch, length, generator)

    def ours(x, weight, bias=None):
        return multi_order_conv(x, weight, bias, orders, backend='cpu')

    def definition(x, weight, bias=None):
        return loop_conv(x, weight, bias, orders)

    double = {name: value.double() for name, value in inputs.items()}
    expected, expected_grads = with_gradients(definition, double)
    y, grads = with_gradients(ours, inputs)
    close(y, expected)
    for name, grad in grads.items():
        close(grad, expected_grads[name])
