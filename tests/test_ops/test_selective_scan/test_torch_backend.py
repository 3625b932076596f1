"""The PyTorch back-end against the definition, in double precision."""

import pytest
import torch
from scan_toys import (
    loop_conv,
    loop_scan,
    random_orders,
    random_problem,
    with_gradients,
)

from mmrs.ops.selective_scan import (
    Forward,
    multi_order_conv,
    multi_order_scan,
)
from mmrs.ops.selective_scan.torch_backend import STEPS

SIZES = [
    dict(batch=1, paths=1, length=1, channels=1, states=1),
    dict(batch=2, paths=2, length=3, channels=8, states=4, groups=2),
    dict(batch=5, paths=3, length=16, channels=8, states=16),
    dict(batch=2, paths=3, length=STEPS + 1, channels=6, per_path=True),
    dict(batch=1, paths=5, length=70, channels=12, states=24, groups=3),
]


@pytest.mark.parametrize('extras', [True, False])
@pytest.mark.parametrize('softplus', [True, False])
@pytest.mark.parametrize('size', SIZES, ids=str)
def test_scan_matches_the_loop(size, softplus, extras, device):
    inputs, orders = random_problem(extras=extras, **size)
    if not softplus:
        inputs['delta'] = inputs['delta'].abs()
        inputs.pop('delta_bias', None)

    def definition(**inputs):
        return loop_scan(orders=orders, softplus=softplus, **inputs)

    def ours(**inputs):
        return multi_order_scan(
            orders=orders,
            delta_softplus=softplus,
            backend='torch',
            **inputs,
        )

    expected, expected_grads = with_gradients(definition, inputs)
    y, grads = with_gradients(
        ours, {name: value.to(device) for name, value in inputs.items()}
    )
    torch.testing.assert_close(y.cpu(), expected, rtol=1e-10, atol=1e-10)
    for name, grad in grads.items():
        torch.testing.assert_close(
            grad.cpu(), expected_grads[name], rtol=1e-9, atol=1e-9
        )


def test_gradients_are_those_of_differences():
    inputs, orders = random_problem(
        batch=2, paths=2, length=STEPS + 3, channels=2, states=2
    )
    names = list(inputs)

    def ours(*values):
        return multi_order_scan(
            orders=orders,
            delta_softplus=True,
            backend='torch',
            **dict(zip(names, values)),
        )

    values = [value.requires_grad_() for value in inputs.values()]
    assert torch.autograd.gradcheck(ours, values)


@pytest.mark.parametrize('bias', [True, False])
def test_conv_matches_the_loop(bias, device):
    generator = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    inputs = dict(x=normal(2, 35, 5), weight=normal(5, 4))
    if bias:
        inputs['bias'] = normal(5)
    orders = random_orders(5, 2, 35, generator)

    def definition(x, weight, bias=None):
        return loop_conv(x, weight, bias, orders)

    def ours(x, weight, bias=None):
        return multi_order_conv(x, weight, bias, orders, backend='torch')

    expected, expected_grads = with_gradients(definition, inputs)
    y, grads = with_gradients(
        ours, {name: value.to(device) for name, value in inputs.items()}
    )
    torch.testing.assert_close(y.cpu(), expected)
    for name, grad in grads.items():
        torch.testing.assert_close(grad.cpu(), expected_grads[name])


def test_conv_by_hand():
    # One channel, taps 1 and 2: y_t = silu(x_{t-1} + 2 x_t).
    x = torch.tensor([[[1.0], [2.0]]])
    y = multi_order_conv(
        x, torch.tensor([[1.0, 2.0]]), None, [Forward()], backend='torch'
    )
    before = torch.tensor([2.0, 5.0])
    assert torch.allclose(y.flatten(), before * before.sigmoid())


def test_scan_by_hand():
    # exp(-step) with steps ln 2 is one half: h = 0 / 2 + ln 2 * 1, then
    # half of that plus ln 2 * 3.
    ln2 = torch.tensor(2.0).log()
    u = torch.tensor([1.0, 3.0]).view(1, 1, 2, 1)
    ones = torch.ones(1, 1, 2, 1)
    y = multi_order_scan(
        u, ones * ln2, -torch.ones(1, 1), ones, ones, [Forward()]
    )
    assert torch.allclose(y.flatten(), ln2 * torch.tensor([1.0, 3.5]))


def test_memory_is_kept_only_for_a_backward_pass():
    from mmrs.ops.selective_scan import torch_backend
    from mmrs.ops.selective_scan.interface import _as_problem

    inputs, orders = random_problem(length=STEPS + 1)
    problem = _as_problem(
        inputs['u'],
        inputs['delta'],
        inputs['A'],
        inputs['B'],
        inputs['C'],
        tuple(orders),
        None,
        None,
        None,
        True,
    )
    assert len(torch_backend.forward(problem, True).saved) == 2
    assert torch_backend.forward(problem, False).saved == ()
