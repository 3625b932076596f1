"""The Triton back-end against the PyTorch back-end in float64.

Without a GPU, Triton's interpreter runs the kernels, which it must be told
before they are imported. One test here starts all others in a process of its
own for that.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from scan_toys import random_orders, random_problem, with_gradients

from mmrs.ops.selective_scan import (
    Forward,
    Index,
    Reverse,
    Strided,
    multi_order_conv,
    multi_order_scan,
)
from mmrs.ops.selective_scan.backends import get_module

pytest.importorskip('triton')

INTERPRETED = os.environ.get('TRITON_INTERPRET') == '1'
COMPILE = Path(__file__).with_name('compile_triton_kernels.py')
SIZES = [
    dict(batch=1, paths=1, length=1, channels=8, states=1),
    dict(batch=1, paths=2, length=3, channels=80, states=4, groups=2),
    dict(batch=2, paths=3, length=9, channels=8, states=16, per_path=True),
    dict(batch=1, paths=1, length=38, channels=8, states=24),
]
# Twice those of mamba-ssm's tests relative to one, as gradients need
TOLERANCES = {
    torch.float32: 2e-5,
    torch.float16: 6e-3,
    torch.bfloat16: 6e-2,
}


@pytest.fixture(
    params=['cpu']
    if INTERPRETED
    else [pytest.param('cuda', marks=pytest.mark.gpu)]
)
def device(request) -> str:
    return request.param


@pytest.mark.slow
@pytest.mark.skipif(INTERPRETED, reason='is what this test starts')
def test_all_others_in_the_interpreter():
    environment = dict(os.environ, TRITON_INTERPRET='1', OMP_NUM_THREADS='1')
    environment.pop('PYTEST_ADDOPTS', None)
    done = subprocess.run(
        [sys.executable, '-m', 'pytest', '-q', '-p', 'no:xdist', __file__],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


@pytest.mark.slow
@pytest.mark.skipif(INTERPRETED, reason='needs the compiler')
@pytest.mark.parametrize('capability, states', [(80, 4), (90, 16)])
def test_kernels_compile_without_a_gpu(capability, states):
    """Sums over states stay in a lane, those over channels take few moves."""
    done = subprocess.run(
        [sys.executable, str(COMPILE), str(capability), str(states)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found = json.loads(done.stdout)
    tile = found.pop('tile')
    assert found.keys() == {
        'scan',
        'adjoint_ends',
        'scan_backward',
        'conv',
        'conv_backward',
    }
    assert found['scan']['shuffles'] == found['adjoint_ends']['shuffles'] == 0
    # Of 2 N rows over 32 lanes: half of the rows that are left in each round
    moves = {4: 4 + 2 + 1 + 1 + 1, 16: 31}[states]
    assert found['scan_backward']['shuffles'] == tile * moves
    for name in ('scan', 'adjoint_ends', 'scan_backward'):
        assert found[name]['shared_loads'] == 0
        assert found[name]['wide_loads'] > 0  # of B and C


def scan(inputs, orders, softplus=True, backend='triton'):
    """Output, last state, and gradients."""
    states = []

    def run(**inputs):
        y, state = multi_order_scan(
            orders=orders,
            delta_softplus=softplus,
            return_last_state=True,
            backend=backend,
            **inputs,
        )
        states.append(state)
        return y

    y, grads = with_gradients(run, inputs)
    return dict(y=y, state=states[0], **grads)


def check_scan(inputs, orders, device, dtype=torch.float32, softplus=True):
    """Compare with float64 on the same rounded inputs; return the result."""
    rounded = {
        k: v.to(device, dtype if k in ('u', 'delta', 'B', 'C', 'z') else None)
        for k, v in inputs.items()
    }
    double = {k: v.double() for k, v in rounded.items()}
    single = {
        k: v.float() if v.dtype == torch.float64 else v
        for k, v in rounded.items()
    }
    expected = scan(double, orders, softplus, 'torch')
    found = scan(single, orders, softplus)
    assert found.keys() == expected.keys()
    for name, value in found.items():
        want = expected[name]
        assert value.shape == want.shape
        assert value.dtype == single.get(name, value).dtype
        close(value, want, TOLERANCES[dtype], name)
    return found


def close(found, want, tolerance, name=''):
    """Within a tolerance relative to the largest value."""
    error = (found.double() - want).abs().max() / want.abs().max().clamp(min=1)
    assert error <= tolerance, f'{name}: {error:.2e}'


@pytest.mark.parametrize('size', SIZES, ids=str)
def test_scan(size, device):
    inputs, orders = random_problem(**size)
    check_scan(inputs, orders, device)


def test_scan_of_bare_inputs(device):
    inputs, _ = random_problem(1, 3, 6, 8, 3, extras=False)
    inputs['delta'] = inputs['delta'].abs()
    orders = [Forward(), Reverse(), Strided(2, 3)]
    check_scan(inputs, orders, device, softplus=False)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_scan_in_half_precision(dtype, device):
    inputs, orders = random_problem(1, 2, 5, 40, 16)
    found = check_scan(inputs, orders, device, dtype)
    assert found['y'].dtype == dtype
    assert found['state'].dtype == torch.float32


@pytest.mark.parametrize('raw', [50.0, -50.0])
def test_extreme_steps(raw, device):
    inputs, orders = random_problem(1, 1, 5, 8, 4)
    inputs['delta'].fill_(raw)
    inputs['A'].fill_(-200)
    found = check_scan(inputs, orders, device)
    assert all(value.isfinite().all() for value in found.values())


def test_a_small_step_keeps_its_digits(device):
    """Log(1 + exp(-12)) has 24 bits, where 1 + exp(-12) has lost 17."""
    inputs, orders = random_problem(1, 1, 4, 8, 4, extras=False)
    inputs['delta'] = inputs['delta'] - 12
    inputs = {k: v.to(device) for k, v in inputs.items()}
    want = scan(inputs, orders, backend='torch')['y']
    found = scan({k: v.float() for k, v in inputs.items()}, orders)['y']
    assert ((found - want) / want).abs().median() < 1e-6


def test_runs_repeat_bit_by_bit(device):
    inputs, orders = random_problem(1, 1, 6, 40, 4)
    inputs = {k: v.to(device, torch.float32) for k, v in inputs.items()}
    first, second = (scan(inputs, orders) for _ in range(2))
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


def test_segments_change_nothing(device, monkeypatch):
    inputs, _ = random_problem(1, 1, 70, 8, 4)
    generator = torch.Generator().manual_seed(0)
    orders = [Index(torch.randperm(70, generator=generator))]
    backend = get_module('triton')
    monkeypatch.setattr(backend, 'SHORTEST_SEGMENT', 20)
    assert backend.split(1, 70) == (3, 32)
    check_scan(inputs, orders, device)


def test_only_few_programs_are_split():
    backend = get_module('triton')
    assert backend.split(2304, 729) == (1, 729)
    assert backend.split(1536, 2048) == (1, 2048)
    assert backend.split(256, 16384) == (8, 2048)
    assert backend.split(3, 100) == (1, 100)


def test_strided_gate(device):
    """The gate may be half of what a projection gives."""
    inputs, orders = random_problem(2, 1, 3, 8, 4)
    inputs = {k: v.to(device, torch.float32) for k, v in inputs.items()}
    both = torch.cat([inputs['z'], inputs['z']], -1)
    expected = scan(inputs, orders)
    inputs['z'] = both[..., 8:]
    found = scan(inputs, orders)
    for name, value in expected.items():
        assert torch.equal(found[name], value), name


def test_wide_offsets(device, monkeypatch):
    """Offsets of 64 bits, whether needed or not."""
    inputs, orders = random_problem(1, 1, 5, 8, 4)
    monkeypatch.setattr(get_module('triton'), '_is_wide', lambda *args: True)
    check_scan(inputs, orders, device)


@pytest.mark.parametrize(
    'batch, paths, length, channels, bias',
    [(1, 1, 1, 8, True), (2, 5, 6, 8, True), (1, 2, 35, 70, False)],
)
def test_conv(batch, paths, length, channels, bias, device):
    generator = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64).to(
            device
        )

    inputs = dict(
        x=normal(batch, length, channels), weight=normal(channels, 4)
    )
    if bias:
        inputs['bias'] = normal(channels)
    orders = random_orders(paths, batch, length, generator)

    def run(backend, dtype):
        def conv(x, weight, bias=None):
            return multi_order_conv(x, weight, bias, orders, backend)

        return with_gradients(
            conv, {k: v.to(dtype) for k, v in inputs.items()}
        )

    expected, expected_grads = run('torch', torch.float64)
    found, grads = run('triton', torch.float32)
    close(found, expected, 1e-6, 'y')
    for name, grad in grads.items():
        close(grad, expected_grads[name], 5e-6, name)
    again, grads_again = run('triton', torch.float32)
    assert torch.equal(again, found)
    assert all(torch.equal(grads_again[k], v) for k, v in grads.items())


def test_conv_in_half_precision(device):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 9, 16, generator=generator).to(device, torch.bfloat16)
    weight = torch.randn(16, 3, generator=generator).to(device)
    orders = random_orders(2, 1, 9, generator)
    want = multi_order_conv(x.double(), weight.double(), None, orders, 'torch')
    found = multi_order_conv(x, weight, None, orders, 'triton')
    assert found.dtype == torch.bfloat16
    close(found, want, 1e-2)
