"""What holds whatever back-end runs, and what users are told."""

import subprocess
import sys
import types

import pytest
import torch
from scan_toys import loop_scan, random_problem, with_gradients

from mmrs.errors import InputError
from mmrs.ops.selective_scan import (
    Forward,
    Index,
    Reverse,
    Strided,
    multi_order_conv,
    multi_order_scan,
    selective_scan_fn,
)
from mmrs.ops.selective_scan.backends import choose_backend

each_backend = pytest.mark.parametrize('backend', ['torch', 'cpu'])


@pytest.fixture(autouse=True)
def no_wish(monkeypatch):
    monkeypatch.delenv('MMRS_SCAN_BACKEND', raising=False)


def single(**settings):
    """Inputs in float32 whose states fade even without softplus."""
    inputs, orders = random_problem(**settings)
    inputs['delta'] = inputs['delta'].abs()
    if 'delta_bias' in inputs:
        inputs['delta_bias'] = inputs['delta_bias'].abs()
    return {name: value.float() for name, value in inputs.items()}, orders


@each_backend
def test_order_is_a_permutation_of_the_tokens(backend):
    inputs, _ = single(paths=1, batch=1, length=21)
    index = torch.randperm(21, generator=torch.Generator().manual_seed(3))
    y = multi_order_scan(orders=[Index(index)], backend=backend, **inputs)
    permuted = {
        name: value[:, :, index]
        for name, value in inputs.items()
        if name in ('u', 'delta', 'B', 'C')
    }
    expected = multi_order_scan(
        orders=[Forward()],
        backend=backend,
        **(inputs | permuted | {'z': inputs['z'][:, index]}),
    )
    assert torch.equal(y[:, :, index], expected)


def test_rows_of_the_orders():
    assert Forward().rows(4).tolist() == [0, 1, 2, 3]
    assert Reverse().rows(4).tolist() == [3, 2, 1, 0]
    # A B C / D E F is walked as A D B E C F.
    assert Strided(2, 3).rows(6).tolist() == [0, 3, 1, 4, 2, 5]


@each_backend
def test_two_runs_are_equal_to_the_bit(backend):
    inputs, orders = single(length=70, channels=40, groups=2, states=16)

    def run(**inputs):
        return multi_order_scan(orders=orders, backend=backend, **inputs)

    first, first_grads = with_gradients(run, inputs)
    second, second_grads = with_gradients(run, inputs)
    assert torch.equal(first, second)
    assert all(
        torch.equal(first_grads[name], second_grads[name])
        for name in first_grads
    )


def test_threads_do_not_change_a_bit():
    pytest.importorskip('numba')
    inputs, orders = single(length=70, channels=384, states=16)

    def run(**inputs):
        return multi_order_scan(orders=orders, backend='cpu', **inputs)

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        y, grads = with_gradients(run, inputs)
        torch.set_num_threads(3)
        other, other_grads = with_gradients(run, inputs)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(y, other)
    assert all(torch.equal(grads[k], other_grads[k]) for k in grads)


@each_backend
@pytest.mark.parametrize(
    'dtype, rtol, atol',
    [
        (torch.float32, 6e-4, 2e-3),
        (torch.float16, 3e-3, 5e-3),
        (torch.bfloat16, 3e-2, 5e-2),
    ],
)
def test_sixteen_bits_in_thirty_two_inside(backend, dtype, rtol, atol):
    """With the tolerances of mamba-ssm's own tests."""
    inputs, orders = random_problem(length=70, states=16)
    walked = ('u', 'delta', 'B', 'C', 'z')
    inputs = {
        k: v.to(dtype if k in walked else torch.float32)
        for k, v in inputs.items()
    }

    def ours(**inputs):
        return multi_order_scan(
            orders=orders, delta_softplus=True, backend=backend, **inputs
        )

    def definition(**inputs):
        return loop_scan(orders=orders, softplus=True, **inputs)

    y, grads = with_gradients(ours, inputs)
    expected, expected_grads = with_gradients(
        definition, {k: v.double() for k, v in inputs.items()}
    )
    assert y.dtype == dtype
    torch.testing.assert_close(y.double(), expected, rtol=rtol, atol=atol)
    for name, grad in grads.items():
        assert grad.dtype == inputs[name].dtype
        torch.testing.assert_close(
            grad.double(),
            expected_grads[name],
            rtol=10 * rtol,
            atol=10 * atol,
        )


@each_backend
def test_extremes_stay_finite(backend):
    inputs, orders = single(length=40, channels=16, states=4)
    inputs['delta'] = torch.where(inputs['delta'] > 0, 50.0, -50.0)
    inputs['A'] = inputs['A'] - 200

    def run(**inputs):
        return multi_order_scan(
            orders=orders, delta_softplus=True, backend=backend, **inputs
        )

    y, grads = with_gradients(run, inputs)
    assert y.isfinite().all()
    assert all(grad.isfinite().all() for grad in grads.values())


@each_backend
def test_steps_of_nothing_pass_the_state_on(backend):
    inputs, _ = single(paths=1, length=9, states=4, extras=False)
    padded = {
        name: torch.nn.functional.pad(
            value, (0, 0) * (value.ndim - 3) + (0, 3)
        )
        for name, value in inputs.items()
        if name in ('u', 'delta', 'B', 'C')
    }
    run = dict(orders=[Forward()], return_last_state=True, backend=backend)
    y, state = multi_order_scan(**inputs, **run)
    longer, same = multi_order_scan(**(inputs | padded), **run)
    torch.testing.assert_close(longer[:, :, :9], y)
    torch.testing.assert_close(same, state)
    assert not longer[:, :, 9:].any()


@each_backend
def test_last_state_is_the_state_of_the_recurrence(backend):
    inputs, _ = single(paths=1, length=1, states=4, extras=False)
    _, state = multi_order_scan(
        orders=[Forward()], return_last_state=True, backend=backend, **inputs
    )
    expected = (inputs['delta'] * inputs['u']).squeeze(2).unsqueeze(-1)
    expected = expected * inputs['B'].view(2, 1, 1, 4)
    torch.testing.assert_close(state, expected)


@each_backend
def test_overflow_is_not_hidden(backend):
    ones = torch.ones(1, 1, 3, 16)
    y = multi_order_scan(
        ones,
        60 * ones,
        torch.full((16, 1), 2.0),  # the state grows by exp(120) at a step
        ones[..., :1],
        ones[..., :1],
        [Forward()],
        backend=backend,
        check_finite=False,
    )
    assert not y[:, :, 1:].isfinite().any()


def test_drop_in_is_the_scan_with_channels_first():
    inputs, _ = single(paths=1, groups=2, length=12)
    expected, expected_state = multi_order_scan(
        orders=[Forward()],
        delta_softplus=True,
        return_last_state=True,
        **inputs,
    )
    y, state = selective_scan_fn(
        inputs['u'][:, 0].transpose(1, 2),
        inputs['delta'][:, 0].transpose(1, 2),
        inputs['A'],
        inputs['B'][:, 0].permute(0, 2, 3, 1),
        inputs['C'][:, 0].permute(0, 2, 3, 1),
        inputs['D'],
        inputs['z'].transpose(1, 2),
        inputs['delta_bias'],
        True,
        True,
    )
    assert torch.equal(y.transpose(1, 2), expected[:, 0])
    assert torch.equal(state, expected_state[:, 0])


def test_drop_in_takes_one_b_and_c_for_all_tokens():
    inputs, _ = single(paths=1, groups=8, channels=8, length=12, extras=False)
    for name in ('B', 'C'):
        inputs[name] = inputs[name][:1, :, :1].expand(2, 1, 12, 8, 4)
    expected = multi_order_scan(orders=[Forward()], **inputs)
    y = selective_scan_fn(
        inputs['u'][:, 0].transpose(1, 2),
        inputs['delta'][:, 0].transpose(1, 2),
        inputs['A'],
        inputs['B'][0, 0, 0],
        inputs['C'][0, 0, 0],
    )
    torch.testing.assert_close(y.transpose(1, 2), expected[:, 0])


def test_mamba_ssm_is_given_walked_copies(monkeypatch):
    """Stands in for its function with ours, which takes the same."""
    from mmrs.ops.selective_scan import mamba_ssm_backend
    from mmrs.ops.selective_scan.interface import _as_problem

    module = types.ModuleType('selective_scan_interface')
    module.selective_scan_fn = selective_scan_fn
    name = 'mamba_ssm.ops.selective_scan_interface'
    for parent in ('mamba_ssm', 'mamba_ssm.ops'):
        monkeypatch.setitem(sys.modules, parent, types.ModuleType(parent))
    monkeypatch.setitem(sys.modules, name, module)
    inputs, orders = single(paths=5, groups=2, length=35)
    expected, expected_state = multi_order_scan(
        orders=orders, return_last_state=True, **inputs
    )
    problem = _as_problem(
        *(inputs[name] for name in ('u', 'delta', 'A', 'B', 'C')),
        tuple(orders),
        *(inputs[name] for name in ('D', 'z', 'delta_bias')),
        False,
    )
    y, state = mamba_ssm_backend.run(problem)
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(state, expected_state)


def test_shapes_without_values():
    inputs, orders = single()
    meta = {name: value.to('meta') for name, value in inputs.items()}
    y, state = multi_order_scan(orders=orders, return_last_state=True, **meta)
    assert (y.shape, state.shape) == (inputs['u'].shape, (2, 3, 8, 4))


# What users are told.


@pytest.mark.parametrize(
    'change, message',
    [
        (dict(u=torch.zeros(2, 3, 0, 8)), 'at least one .* token'),
        (dict(u=torch.zeros(2, 3, 70, 0)), 'at least one .* channel'),
        (dict(u=torch.zeros(2, 70, 8)), r'u must be \(M, K, L, D\)'),
        (dict(u=torch.zeros(2, 3, 70, 8).int()), 'u is torch.int32'),
        (dict(delta=torch.zeros(2, 3, 71, 8)), 'delta is .*71'),
        (dict(B=torch.zeros(2, 3, 70, 3, 4)), '8 channels .* 3 groups'),
        (dict(C=torch.zeros(2, 3, 70, 1, 5)), 'C is .* must be'),
        (dict(z=torch.zeros(2, 3, 70, 8)), 'z is .* must be'),
        (dict(A=torch.zeros(8, 0)), 'A is|no states|B is'),
        (dict(D=torch.zeros(8, device='meta')), 'D is on meta, but u is on'),
        (dict(orders=[Forward()]), '3 paths, but 1 orders'),
        (dict(orders=[Forward()] * 2 + [Strided(7, 9)]), r'63 tokens, .* 70'),
        (
            dict(orders=[Forward()] * 2 + [Index(torch.arange(69))]),
            r'index of shape \(69,\)',
        ),
        (
            dict(orders=[Forward()] * 2 + [Index(torch.arange(70)[None])]),
            'cannot order 2 sequences',
        ),
        (dict(backend='cuda'), "no scan back-end is called 'cuda'"),
    ],
    ids=lambda value: str(list(value)) if isinstance(value, dict) else '',
)
def test_misfits_are_named(change, message):
    inputs, orders = single()
    with pytest.raises(ValueError, match=message):
        multi_order_scan(**({'orders': orders} | inputs | change))


def test_a_word_is_no_order():
    inputs, _ = single(paths=1)
    with pytest.raises(TypeError, match="'forward' is no order; give Forward"):
        multi_order_scan(orders=['forward'], **inputs)


@pytest.mark.parametrize(
    'index, message',
    [
        ([0, 1, 1], 'no permutation of 0 to 2'),
        ([1, 2, 3], 'no permutation of 0 to 2'),
        ([0.0, 1.0], 'integers'),
        (0, 'integers'),
    ],
)
def test_an_index_must_be_a_permutation(index, message):
    with pytest.raises(ValueError, match=message):
        Index(torch.tensor(index))


@each_backend
@pytest.mark.parametrize('name', ['u', 'delta', 'B', 'A', 'delta_bias'])
def test_nan_is_found_and_named(backend, name):
    inputs, orders = single()
    inputs[name].view(-1)[5] = float('nan')
    with pytest.raises(ValueError, match=f'^{name} holds values that are NaN'):
        multi_order_scan(orders=orders, backend=backend, **inputs)
    y = multi_order_scan(
        orders=orders, backend=backend, check_finite=False, **inputs
    )
    assert y.isnan().any()


def test_rising_states_are_an_error():
    inputs, orders = single(extras=False)
    inputs['delta'], inputs['A'] = inputs['delta'] + 9, 9 - inputs['A']
    with pytest.raises(ValueError, match='A must be negative'):
        multi_order_scan(orders=orders, backend='torch', **inputs)


def test_complex_a_is_refused():
    with pytest.raises(ValueError, match='A is complex'):
        selective_scan_fn(
            torch.zeros(1, 2, 3),
            torch.zeros(1, 2, 3),
            torch.zeros(2, 4, dtype=torch.complex64),
            torch.zeros(1, 4, 3),
            torch.zeros(1, 4, 3),
        )


@pytest.mark.parametrize(
    'settings, message',
    [
        (dict(backend='triton'), 'triton.* does not run on cpu'),
        (dict(backend='mamba_ssm'), 'mamba_ssm'),
        (dict(backend='cpu', dtype=torch.float64), "float64; take 'torch'"),
        (dict(backend='cpu', states=65), 'at most 64 states, not 65; take'),
    ],
    ids=str,
)
def test_a_wish_that_cannot_be_met_is_an_error(settings, message, monkeypatch):
    pytest.importorskip('numba')
    monkeypatch.delenv('TRITON_INTERPRET', raising=False)
    u = torch.zeros(1, dtype=settings.get('dtype', torch.float32))
    with pytest.raises(InputError, match=message):
        choose_backend(settings['backend'], u, settings.get('states', 4))


def test_the_fastest_that_can_is_chosen(monkeypatch):
    pytest.importorskip('numba')
    single, double = torch.zeros(1), torch.zeros(1, dtype=torch.float64)
    assert choose_backend(None, single, 16) == 'cpu'
    assert choose_backend(None, double, 16) == 'torch'
    assert choose_backend(None, single, 65) == 'torch'
    monkeypatch.setenv('MMRS_SCAN_BACKEND', 'torch')
    assert choose_backend(None, single, 16) == 'torch'
    assert choose_backend('cpu', single, 16) == 'cpu'
    monkeypatch.setenv('MMRS_SCAN_BACKEND', 'fast')
    with pytest.raises(InputError, match="'fast'.*MMRS_SCAN_BACKEND"):
        choose_backend(None, single, 16)


def test_a_kernel_that_fails_is_not_replaced(monkeypatch):
    pytest.importorskip('numba')
    from mmrs.ops.selective_scan import cpu_kernels

    def fail(*args):
        raise RuntimeError('the kernel failed')

    monkeypatch.setattr(cpu_kernels, 'scan_forward', fail)
    inputs, orders = single()
    with pytest.raises(RuntimeError, match='the kernel failed'):
        multi_order_scan(orders=orders, **inputs)


@pytest.mark.parametrize(
    'change, message',
    [
        (dict(x=torch.zeros(2, 8)), r'x must be \(M, L, D\)'),
        (dict(x=torch.zeros(2, 0, 8)), 'at least one'),
        (dict(weight=torch.zeros(9, 1, 4)), 'weight is of 9 channels'),
        (dict(bias=torch.zeros(7)), 'bias is of 7 channels'),
        (dict(bias=torch.zeros(8, device='meta')), 'bias is on meta'),
    ],
    ids=lambda value: str(list(value)) if isinstance(value, dict) else '',
)
def test_misfits_of_the_conv_are_named(change, message):
    inputs = dict(
        x=torch.zeros(2, 5, 8),
        weight=torch.zeros(8, 1, 4),
        bias=torch.zeros(8),
        orders=[Forward()],
    )
    with pytest.raises(ValueError, match=message):
        multi_order_conv(**(inputs | change))


def test_ops_need_no_kernel_library():
    code = (
        'import sys\n'
        "for name in ('mamba_ssm', 'causal_conv1d', 'triton', 'numba'):\n"
        '    sys.modules[name] = None\n'
        'import torch\n'
        'from mmrs.ops.selective_scan import selective_scan_fn\n'
        'from mmrs.ops.selective_scan.backends import choose_backend\n'
        'u = torch.ones(1, 2, 3)\n'
        "assert choose_backend(None, u, 4) == 'torch'\n"
        'one = torch.ones(1, 4, 3)\n'
        'assert selective_scan_fn(u, u, -torch.ones(2, 4), one, one).all()\n'
    )
    subprocess.run([sys.executable, '-c', code], check=True)


def test_import_loads_no_kernel_library():
    code = (
        'import sys, mmrs.ops.selective_scan\n'
        "loaded = {'numba', 'triton', 'mamba_ssm'} & set(sys.modules)\n"
        'assert not loaded, loaded\n'
    )
    subprocess.run([sys.executable, '-c', code], check=True)
