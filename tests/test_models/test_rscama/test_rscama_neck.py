import pytest
import torch
import torch.nn.functional as F

from mmrs.errors import InputError
from mmrs.models.rscama import CaMaNeck
from mmrs.models.rscama.neck import (
    BidirectionalMamba,
    join_dates,
    split_dates,
)


def shake(module):
    """Make all parts other than those of a new module."""
    torch.manual_seed(0)
    for tensor in module.state_dict().values():
        if tensor.is_floating_point():
            tensor.add_(torch.rand_like(tensor) * 0.3)
    return module.double().eval()


def rms_norm(norm, x):
    return x / (x.square().mean(-1, keepdim=True) + 1e-5).sqrt() * norm.weight


def plain_scan(block, end, u, gate):
    """One direction, a token after another; u is (L, E)."""
    rank, states, _ = block.sizes
    part = {
        name: getattr(block, f'{name}{end}')
        for name in ('x_proj', 'dt_proj', 'A_log', 'D')
    }
    rates = -part['A_log'].exp()
    h = torch.zeros_like(rates)
    outputs = []
    for x, g in zip(u, gate):
        low_rank, b, c = (part['x_proj'].weight @ x).split(
            [rank, states, states]
        )
        step = part['dt_proj'].weight @ low_rank + part['dt_proj'].bias
        step = (1 + step.exp()).log()
        h = (step[:, None] * rates).exp() * h + (step * x)[:, None] * b
        y = h @ c + part['D'] * x
        outputs.append(y * g * g.sigmoid())
    return torch.stack(outputs)


def plain_block(block, x, guide=None):
    """The block, one sequence (L, D) at a time."""
    if x.ndim == 3:
        guides = [None] * len(x) if guide is None else guide
        return torch.stack(
            [plain_block(block, *pair) for pair in zip(x, guides)]
        )
    normed = rms_norm(block.norm, x)
    u = normed @ block.in_proj.weight.T
    gate = (normed if guide is None else guide) @ block.gate_proj.weight.T
    kernel = block.conv1d.weight[:, 0]
    taps = kernel.shape[1]
    padded = F.pad(u, (0, 0, taps - 1, 0))
    u = block.conv1d.bias + sum(
        padded[t : t + len(u)] * kernel[:, t] for t in range(taps)
    )
    u = u * u.sigmoid()
    y = plain_scan(block, '', u, gate)
    y = y + plain_scan(block, '_back', u.flip(0), gate.flip(0)).flip(0)
    return rms_norm(block.norm_out, x + y @ block.out_proj.weight.T)


@pytest.mark.parametrize('length', [1, 2, 9])
@pytest.mark.parametrize('guided', [True, False])
@pytest.mark.parametrize(
    'sizes',
    [dict(), dict(expand=3, state_dims=5, conv_kernel=4, dt_rank=3)],
)
def test_block_equals_its_definition(length, guided, sizes):
    block = shake(BidirectionalMamba(8, **sizes))
    x, guide = torch.randn(2, 2, length, 8, dtype=torch.float64)
    guide = guide if guided else None
    ours, expected = block(x, guide), plain_block(block, x, guide)
    torch.testing.assert_close(ours, expected)
    inputs = list(block.parameters())
    ours = torch.autograd.grad(ours.cos().sum(), inputs)
    expected = torch.autograd.grad(expected.cos().sum(), inputs)
    torch.testing.assert_close(ours, expected, rtol=1e-6, atol=1e-8)


def test_turning_tokens_and_directions_turns_the_outputs():
    block = shake(BidirectionalMamba(8, conv_kernel=1))
    turned = BidirectionalMamba(8, conv_kernel=1).double()
    swapped = {}
    for name, value in block.state_dict().items():
        part, _, kind = name.partition('.')
        if part.removesuffix('_back') in ('x_proj', 'dt_proj', 'A_log', 'D'):
            other = part.removesuffix('_back')
            part = other if part.endswith('_back') else f'{part}_back'
        swapped[f'{part}.{kind}' if kind else part] = value
    turned.load_state_dict(swapped)
    x, guide = torch.randn(2, 2, 9, 8, dtype=torch.float64)
    torch.testing.assert_close(
        turned(x.flip(1), guide.flip(1)).flip(1), block(x, guide)
    )


def test_dates_are_joined_in_turn():
    a, b = torch.randn(2, 3, 5, 4)
    joined = join_dates(a, b)
    assert joined.shape == (3, 10, 4)
    assert torch.equal(joined[:, 0], a[:, 0])
    assert torch.equal(joined[:, 1], b[:, 0])
    assert torch.equal(joined[:, 8], a[:, 4])
    for ours, theirs in zip(split_dates(joined), (a, b)):
        assert torch.equal(ours, theirs)


def layer_norm(norm, x):
    x = x - x.mean(-1, keepdim=True)
    x = x / (x.square().mean(-1, keepdim=True) + 1e-5).sqrt()
    return x * norm.weight + norm.bias


def batch_norm(norm, x):
    x = x - norm.running_mean
    return x / (norm.running_var + 1e-5).sqrt() * norm.weight + norm.bias


def plain_tokens(neck, image):
    """Tokens with positions of a map (D, h, w), place by place."""
    positions = neck.positions
    return torch.stack(
        [
            image[:, row, col]
            + torch.cat([positions.col[col], positions.row[row]])
            for row in range(image.shape[1])
            for col in range(image.shape[2])
        ]
    )


def plain_conv(conv, x):
    """Correlate tokens (h, w, D) with kernels, place by place."""
    reach = conv.weight.shape[2] // 2
    padded = F.pad(x, (0, 0, reach, reach, reach, reach))
    out = x.new_zeros(*x.shape[:2], len(conv.weight))
    for row in range(x.shape[0]):
        for col in range(x.shape[1]):
            for i in range(2 * reach + 1):
                for j in range(2 * reach + 1):
                    kernel = conv.weight[:, :, i, j]
                    out[row, col] += kernel @ padded[row + i, col + j]
    return out + conv.bias


def plain_neck(neck, map_a, map_b, use_sd=True, use_tt=True):
    """The tokens of one pair of maps (D, h, w)."""
    norm = neck.shared_norm
    a, b = plain_tokens(neck, map_a), plain_tokens(neck, map_b)
    for layer in neck.layers:
        if use_sd:
            change = b - a
            a = layer_norm(norm, plain_block(layer.spatial[0], a, change))
            b = layer_norm(norm, plain_block(layer.spatial[1], b, change))
        if use_tt:
            both = [token for pair in zip(a, b) for token in pair]
            both = plain_block(layer.temporal, torch.stack(both))
            a = layer_norm(norm, both[0::2]) + neck.alpha * a
            b = layer_norm(norm, both[1::2]) + neck.alpha * b
    x = torch.cat([a, b], dim=1).unflatten(0, map_a.shape[1:])
    x = plain_conv(neck.fuse_proj, x)
    y = batch_norm(neck.fuse_block[0], x).clamp(min=0)
    y = batch_norm(neck.fuse_block[3], plain_conv(neck.fuse_block[2], y))
    y = plain_conv(neck.fuse_block[5], y.clamp(min=0))
    y = batch_norm(neck.fuse_block[6], y)
    return layer_norm(norm, (y + x).clamp(min=0).flatten(0, 1))


@pytest.mark.parametrize(
    'switches',
    [dict(), dict(use_sd=False), dict(use_tt=False)],
)
@torch.no_grad()
def test_neck_equals_its_definition(switches):
    neck = CaMaNeck(8, 2, grid=3, alpha=0.3, state_dims=4, **switches)
    shake(neck)
    map_a, map_b = torch.randn(2, 2, 8, 3, 2, dtype=torch.float64)
    tokens = neck((map_a,), (map_b,))
    assert tokens.shape == (2, 6, 8)
    for ours, pair in zip(tokens, zip(map_a, map_b)):
        torch.testing.assert_close(ours, plain_neck(neck, *pair, **switches))


@torch.no_grad()
def test_no_scans_at_all_is_the_baseline():
    neck = CaMaNeck(8, 3, grid=2, use_sd=False, use_tt=False)
    shake(neck)
    map_a, map_b = torch.randn(2, 1, 8, 2, 2, dtype=torch.float64)
    expected = plain_neck(neck, map_a[0], map_b[0], False, False)
    torch.testing.assert_close(neck((map_a,), (map_b,))[0], expected)
    parts = {name.split('.')[0] for name, _ in neck.named_parameters()}
    assert 'layers' not in parts


@torch.no_grad()
def test_alpha_weighs_the_tokens_before_the_temporal_scan():
    neck = shake(CaMaNeck(8, 1, grid=2))
    maps = [(x,) for x in torch.randn(2, 1, 8, 2, 2, dtype=torch.float64)]
    outputs = []
    for alpha in (0.0, 1.0):
        neck.alpha.fill_(alpha)
        outputs.append(neck(*maps))
    assert not torch.allclose(*outputs)
    assert CaMaNeck(8, 1).alpha == 0
    assert CaMaNeck(8, 1, alpha=0.5).alpha == 0.5


@torch.no_grad()
def test_the_level_is_chosen():
    neck = shake(CaMaNeck(8, 1, grid=2, level=1))
    maps_a, maps_b = torch.randn(2, 3, 1, 8, 2, 2, dtype=torch.float64)
    chosen = neck(tuple(maps_a), tuple(maps_b))
    neck.level = -1
    torch.testing.assert_close(chosen, neck((maps_a[1],), (maps_b[1],)))


@torch.no_grad()
def test_maps_of_other_sizes():
    neck = shake(CaMaNeck(8, 1, grid=3))
    neck.positions.col[:] = torch.arange(3.0)[:, None]
    neck.positions.row[:] = torch.arange(3.0)[:, None]
    x = torch.zeros(1, 8, 2, 6, dtype=torch.float64)
    y = neck.positions(x)
    # Fewer rows: the first positions; more columns: stretched to all six.
    assert y[0, 4:, :, 0].T.tolist() == [[0.0] * 4, [1.0] * 4]
    assert y[0, 0, 0].tolist() == pytest.approx([0, 0.25, 0.75, 1.25, 1.75, 2])
    assert neck((x,), (x + 1,)).shape == (1, 12, 8)


def test_training_reaches_every_weight():
    neck = CaMaNeck(8, 2, grid=2, alpha=0.1)
    maps = [(x,) for x in torch.randn(2, 4, 8, 2, 2)]
    neck(*maps).cos().sum().backward()
    for name, parameter in neck.named_parameters():
        assert parameter.grad.isfinite().all(), name
        # A bias before a batch norm has no effect.
        if name not in ('fuse_block.2.bias', 'fuse_block.5.bias'):
            assert parameter.grad.any(), name


def test_alpha_is_not_trained_where_it_does_nothing():
    neck = CaMaNeck(8, 1, grid=2, use_tt=False)
    assert not neck.alpha.requires_grad
    assert CaMaNeck(8, 1, grid=2).alpha.requires_grad


def xavier_bound(fan_in, fan_out):
    return (6 / (fan_in + fan_out)) ** 0.5


def test_start_of_the_paper():
    torch.manual_seed(0)
    neck = CaMaNeck(64, 1, grid=7)
    block = neck.layers[0].temporal
    for end in ('', '_back'):
        rates = getattr(block, f'A_log{end}')
        # Xavier: so small that all states decay alike.
        assert rates.abs().max().item() == pytest.approx(
            xavier_bound(16, 128), rel=0.01
        )
        assert abs(rates.mean()) < 0.01
        assert not getattr(block, f'dt_proj{end}').bias.any()
        assert (getattr(block, f'D{end}') == 1).all()
    bounds = {
        block.in_proj.weight: xavier_bound(64, 128),
        block.gate_proj.weight: xavier_bound(64, 128),
        block.dt_proj.weight: xavier_bound(4, 128),
        block.conv1d.weight: xavier_bound(3, 3 * 128),
        neck.positions.col: xavier_bound(7, 32),
        neck.fuse_block[2].weight: xavier_bound(9 * 64, 9 * 64),
    }
    for weight, bound in bounds.items():
        assert weight.abs().max().item() == pytest.approx(bound, rel=0.05)
    for norm in (block.norm, block.norm_out, neck.shared_norm):
        assert (norm.weight == 1).all()


def test_start_of_mamba():
    torch.manual_seed(0)
    neck = CaMaNeck(64, 1, grid=7, init='mamba', state_dims=3)
    for block in (*neck.layers[0].spatial, neck.layers[0].temporal):
        for end in ('', '_back'):
            rates = getattr(block, f'A_log{end}').exp()
            torch.testing.assert_close(
                rates, torch.tensor([1.0, 2, 3]).expand(128, 3)
            )
            steps = F.softplus(getattr(block, f'dt_proj{end}').bias)
            assert 1e-3 * 0.999 <= steps.min() < 2e-3
            assert 5e-2 < steps.max() <= 0.1 * 1.001
    with pytest.raises(
        InputError, match="init must be one of paper, mamba, got 'x'"
    ):
        CaMaNeck(8, init='x')


def test_number_of_weights_of_the_papers_size():
    with torch.device('meta'):
        neck = CaMaNeck()
    count = sum(parameter.numel() for parameter in neck.parameters())
    assert round(count / 1e6, 2) == 43.05


def test_runs_in_bfloat16_under_autocast():
    torch.manual_seed(0)
    neck = CaMaNeck(16, 1, grid=4, init='mamba').eval()
    maps = [(x,) for x in torch.randn(2, 2, 16, 4, 4)]
    exact = neck(*maps)
    with torch.autocast('cpu', torch.bfloat16):
        rough = neck(*maps)
    assert (rough.float() - exact).abs().max() < 0.1 * exact.abs().max()
    rough.float().square().sum().backward()
    assert all(
        p.grad.isfinite().all()
        for p in neck.parameters()
        if p.grad is not None
    )
