import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F

from mmrs.errors import InputError
from mmrs.models.layers import MambaMixer
from mmrs.ops.selective_scan import Forward, Index, Reverse, Strided


def make(dims=16, **kwargs):
    torch.manual_seed(0)
    return MambaMixer(dims, **kwargs)


def plain_mixer(mixer, x):
    """Mamba's equations, a token at a time; x is (B, L, d)."""
    u, z = mixer.in_proj(x).chunk(2, dim=-1)
    taps = mixer.conv1d.weight.shape[-1]
    u = F.pad(u.transpose(1, 2), (taps - 1, 0))
    u = F.silu(
        F.conv1d(u, mixer.conv1d.weight, mixer.conv1d.bias, groups=len(u[0]))
    ).transpose(1, 2)
    sizes = [mixer.dt_rank, mixer.state_dims, mixer.state_dims]
    low_rank, B, C = mixer.x_proj(u).split(sizes, dim=-1)
    step = F.softplus(mixer.dt_proj(low_rank))
    A = -mixer.A_log.exp()
    state = x.new_zeros(len(x), *A.shape)
    outputs = []
    for t in range(x.shape[1]):
        decay = (step[:, t, :, None] * A).exp()
        inflow = (step[:, t] * u[:, t])[..., None] * B[:, t, None]
        state = decay * state + inflow
        y = (state * C[:, t, None]).sum(-1) + mixer.D * u[:, t]
        outputs.append(y * F.silu(z[:, t]))
    return mixer.out_proj(torch.stack(outputs, dim=1))


@pytest.mark.parametrize('length', [1, 2, 3, 7, 40])
def test_one_order_is_mamba(length):
    mixer = make(state_dims=5).double()
    x = torch.randn(2, length, 16, dtype=torch.float64)
    torch.testing.assert_close(mixer(x), plain_mixer(mixer, x))


@pytest.mark.parametrize(
    'sizes',
    [
        dict(),
        dict(inner_dims=24, state_dims=3, conv_kernel=3, dt_rank=2),
        dict(conv_bias=False),
    ],
)
def test_weights_and_outputs_are_those_of_transformers(sizes):
    modeling = pytest.importorskip('transformers.models.mamba.modeling_mamba')
    mixer = make(**sizes)
    inner_dims = mixer.out_proj.in_features
    config = modeling.MambaConfig(
        hidden_size=16,
        intermediate_size=inner_dims,
        state_size=mixer.state_dims,
        conv_kernel=mixer.conv1d.kernel_size[0],
        time_step_rank=mixer.dt_rank,
        use_conv_bias=mixer.conv1d.bias is not None,
        num_hidden_layers=1,
    )
    config.intermediate_size = inner_dims  # older ones compute it
    theirs = modeling.MambaMixer(config, layer_idx=0).eval()
    theirs.load_state_dict(mixer.state_dict(), strict=True)
    x = torch.randn(2, 21, 16)
    with torch.no_grad():
        torch.testing.assert_close(mixer(x), theirs(x), rtol=1e-5, atol=1e-5)


SIZES = [dict(), dict(conv_kernel=1, conv_bias=False, state_dims=3)]


@pytest.mark.parametrize('sizes', SIZES)
@pytest.mark.parametrize('read', [1, 2, 9])
@torch.no_grad()
def test_token_by_token_equals_the_whole_sequence(sizes, read):
    mixer = make(**sizes)
    x = torch.randn(2, 12, 16)
    whole = mixer(x)
    y, state = mixer.start(x[:, :read])
    torch.testing.assert_close(y, whole[:, :read])
    for position in range(read, 12):
        y = mixer.step(x[:, position], state)
        torch.testing.assert_close(y, whole[:, position], rtol=1e-4, atol=1e-6)
    _, expected = mixer.start(x)
    torch.testing.assert_close(state, expected, rtol=1e-4, atol=1e-6)


@torch.no_grad()
def test_states_are_of_sequences_not_of_tokens():
    mixer = make(state_dims=5)
    x = torch.randn(3, 7, 16)
    _, state = mixer.start(x)
    assert state.recent.shape == (3, 32, 3)
    assert state.scan.shape == (3, 32, 5)
    assert state.scan.dtype == torch.float32
    # Going on from copies of some rows leaves the others alone.
    before = [part.clone() for part in state]
    rows = torch.tensor([2, 2, 0])
    copy = type(state)(*(part[rows] for part in state))
    new = torch.randn(3, 16)
    ours = mixer.step(new, copy)
    expected = mixer(torch.cat([x[rows], new.unsqueeze(1)], dim=1))[:, -1]
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-6)
    for part, old in zip(state, before):
        assert torch.equal(part, old)


def literal_paths(mixer, x, permutations):
    """Mix reordered copies one by one, and put their tokens back."""
    outputs = []
    for permutation in permutations:
        mixed = mixer(x[:, permutation])
        outputs.append(mixed[:, permutation.argsort()])
    return outputs


@pytest.mark.parametrize('length', [1, 2, 12, 30])
@pytest.mark.parametrize('gated', [True, False])
def test_shared_projections_equal_the_literal_paths(length, gated):
    mixer = make().double()
    gate = torch.nn.Sequential(
        torch.nn.Linear(4 * 16, 4, bias=False), torch.nn.Softmax(-1)
    ).double()
    x = torch.randn(2, length, 16, dtype=torch.float64, requires_grad=True)
    shuffle = torch.randperm(length)
    columns = Strided(1, length) if length % 2 else Strided(2, length // 2)
    orders = [Forward(), Reverse(), Index(shuffle), columns]
    copies = literal_paths(
        mixer, x, [order.rows(length).long() for order in orders]
    )
    if gated:
        means = torch.cat([copy.mean(1) for copy in copies], dim=-1)
        weights = gate(means).unbind(-1)
        expected = sum(w[:, None, None] * c for w, c in zip(weights, copies))
    else:
        expected = torch.stack(copies).mean(0)
    ours = mixer(x, orders, gate if gated else None)
    torch.testing.assert_close(ours, expected, rtol=1e-12, atol=1e-13)

    inputs = [x, *mixer.parameters()]
    cotangent = torch.randn_like(ours)
    ours = torch.autograd.grad(ours, inputs, cotangent)
    expected = torch.autograd.grad(expected, inputs, cotangent)
    torch.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-10)


def test_names_and_shapes_are_those_of_mamba():
    shapes = {k: tuple(v.shape) for k, v in make(192).state_dict().items()}
    assert shapes == {
        'A_log': (384, 16),
        'D': (384,),
        'conv1d.weight': (384, 1, 4),
        'conv1d.bias': (384,),
        'in_proj.weight': (768, 192),
        'x_proj.weight': (44, 384),
        'dt_proj.weight': (384, 12),
        'dt_proj.bias': (384,),
        'out_proj.weight': (192, 384),
    }
    assert 'conv1d.bias' not in make(conv_bias=False).state_dict()


def test_first_steps_are_as_dt_init_says():
    steps = F.softplus(make(256, dt_init='mamba').dt_proj.bias)
    assert 1e-3 * 0.999 <= steps.min() < 2e-3
    assert 5e-2 < steps.max() <= 0.1 * 1.001
    assert steps.log().mean().exp().item() == pytest.approx(0.01, rel=0.2)
    floored = make(256, dt_floor=0.02).dt_proj.bias
    assert F.softplus(floored).min() >= 0.02 * 0.999
    steps = F.softplus(make(192, dt_init='torch').dt_proj.bias)
    assert 0.55 < steps.min() < steps.max() < 0.86
    rates = make(state_dims=3).A_log.exp()
    torch.testing.assert_close(rates, torch.tensor([1.0, 2, 3]).expand(32, 3))


def test_runs_in_bfloat16_under_autocast():
    mixer = make(32)
    gate = torch.nn.Sequential(torch.nn.Linear(64, 2), torch.nn.Softmax(-1))
    x = torch.randn(2, 50, 32)
    orders = [Forward(), Reverse()]
    exact = mixer(x, orders, gate)
    with torch.autocast('cpu', torch.bfloat16):
        rough = mixer(x, orders, gate)
    assert rough.dtype == torch.bfloat16
    error = (rough - exact).abs().max()
    assert error < 0.02 * exact.abs().max()
    rough.float().square().sum().backward()
    assert all(p.grad.isfinite().all() for p in mixer.parameters())


@pytest.mark.parametrize(
    'kwargs, message',
    [
        (dict(dt_init='zero'), 'dt_init must be one of torch, mamba, got'),
        (dict(state_dims=0), 'state_dims must be a number at least 1, got 0'),
        (dict(dt_rank=-1), 'dt_rank must be a number at least 1'),
        (dict(scan_backend='fast'), 'scan_backend must be one of torch, cpu'),
    ],
)
def test_bad_arguments_are_refused(kwargs, message):
    with pytest.raises(InputError, match=message):
        MambaMixer(16, **kwargs)


def test_needs_none_of_the_optional_libraries():
    code = (
        'import sys\n'
        "for name in ('transformers', 'mamba_ssm', 'causal_conv1d', "
        "'mmpretrain'):\n"
        '    sys.modules[name] = None\n'
        'import torch\n'
        'from mmrs.models.layers import MambaMixer\n'
        'from mmrs.models.rsmamba import RSMamba\n'
        'print(MambaMixer(8)(torch.zeros(1, 3, 8)).shape)\n'
    )
    done = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert 'torch.Size([1, 3, 8])' in done.stdout
