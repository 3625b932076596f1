import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mmrs.errors import InputError
from mmrs.models.metaearth import P2Loss, ResolutionUNet, RRDBEncoder
from mmrs.models.metaearth.metaearth import SCHEDULER
from mmrs.models.metaearth.presets import PRESETS, get_preset


def small_unet(**kwargs) -> ResolutionUNet:
    unet, _ = get_preset('metaearth_tiny', kwargs)
    return ResolutionUNet(**unet)


def without_zeros(network: nn.Module) -> nn.Module:
    """Give the layers that start at zero something to do."""
    for parameter in network.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    return network.eval()


@pytest.mark.parametrize(
    ('preset', 'millions'),
    [
        ('metaearth_600m', (601.67, 5.90)),
        ('metaearth_adm', (554.27, 5.90)),
        ('metaearth_150m', (150.53, 5.90)),
        ('metaearth_mini', (18.06, 0.76)),
        ('metaearth_tiny', (1.22, 0.01)),
    ],
)
def test_sizes_of_presets(preset, millions):
    unet, encoder = get_preset(preset)
    with torch.device('meta'):
        networks = ResolutionUNet(**unet), RRDBEncoder(**encoder)
    counts = [
        round(sum(p.numel() for p in network.parameters()) / 1e6, 2)
        for network in networks
    ]
    assert counts == list(millions)
    assert networks[0].mid_block.attentions[0].group_norm is not None


def test_encoder_of_real_esrgan_has_its_size():
    with torch.device('meta'):
        encoder = RRDBEncoder(num_block=23, with_conv_last=True)
    assert sum(p.numel() for p in encoder.parameters()) == 16_697_987


def test_unknown_preset_names_the_known_ones():
    with pytest.raises(InputError, match=f"'big'.*{list(PRESETS)[0]}"):
        get_preset('big')


def test_network_starts_with_no_opinion():
    unet = small_unet()
    x = torch.randn(2, 11, 32, 32)
    out = unet(x, 5, class_labels=torch.tensor([4.0, 64.0])).sample
    assert out.shape == (2, 3, 32, 32)
    assert not out.any()


@pytest.mark.parametrize('transform', ['linear', 'log2'])
def test_embedding_is_the_sum_of_two_mlps(transform):
    unet = without_zeros(small_unet(resolution_transform=transform))
    steps = torch.tensor([3, 700])
    resolution = torch.tensor([4.0, 16.0])
    seen = []
    block = unet.mid_block.resnets[0]
    block.time_emb_proj.register_forward_pre_hook(
        lambda module, args: seen.append(args[0])
    )
    x = torch.randn(2, 11, 16, 16)
    unet(x, steps, class_labels=resolution)

    def code(values):  # cosines first, frequencies from 1 to 1e-4
        frequencies = 1e4 ** -(torch.arange(16) / 16)
        angles = values.float()[:, None] * frequencies
        return torch.cat([angles.cos(), angles.sin()], 1)

    label = resolution if transform == 'linear' else 10 * resolution.log2()
    expected = unet.time_embedding(code(steps))
    expected = expected + unet.class_embedding(code(label))
    torch.testing.assert_close(seen[0], F.silu(expected))


@pytest.mark.parametrize('transform', ['linear', 'log2', 'none'])
def test_resolution_changes_the_output_unless_it_is_not_told(transform):
    unet = without_zeros(small_unet(resolution_transform=transform))
    x = torch.randn(1, 11, 16, 16)
    fine, coarse = (
        unet(x, 500, class_labels=torch.tensor([s])).sample for s in (4.0, 64)
    )
    assert torch.equal(fine, coarse) == (transform == 'none')
    if transform != 'none':
        assert (fine - coarse).abs().max() > 1e-3


def test_half_precision_runs_and_agrees():
    unet = without_zeros(small_unet())
    x = torch.randn(1, 11, 16, 16)
    label = torch.tensor([16.0])
    expected = unet(x, 500, class_labels=label).sample
    half = unet.to(torch.bfloat16)
    got = half(x.to(torch.bfloat16), 500, class_labels=label).sample
    assert got.dtype == torch.bfloat16
    assert (got.float() - expected).abs().mean() < 0.05 * expected.abs().mean()


def test_unet_is_saved_and_loaded(tmp_path):
    unet = without_zeros(small_unet(resolution_transform='log2'))
    unet.save_pretrained(tmp_path)
    again = ResolutionUNet.from_pretrained(tmp_path).eval()
    assert again.config.resolution_transform == 'log2'
    assert again.config.resolution_of == 'output'
    x = torch.randn(1, 11, 16, 16)
    label = torch.tensor([4.0])
    torch.testing.assert_close(
        again(x, 9, class_labels=label).sample,
        unet(x, 9, class_labels=label).sample,
    )
    saved, loaded = unet.state_dict(), again.state_dict()
    assert all(torch.equal(saved[name], loaded[name]) for name in saved)


def test_unknown_transform_is_refused():
    with pytest.raises(InputError, match="resolution_transform='log10'"):
        small_unet(resolution_transform='log10')


def plain_rrdbnet(weights: dict, x: torch.Tensor, blocks: int):
    """BasicSR's RRDBNet up to before `conv_last`, by the names of its file."""

    def conv(name, x):
        return F.conv2d(
            x, weights[f'{name}.weight'], weights[f'{name}.bias'], padding=1
        )

    def dense(name, x):
        seen = [x]
        for i in range(1, 5):
            out = conv(f'{name}.conv{i}', torch.cat(seen, 1))
            seen.append(F.leaky_relu(out, 0.2))
        return 0.2 * conv(f'{name}.conv5', torch.cat(seen, 1)) + x

    first = conv('conv_first', x)
    out = first
    for b in range(blocks):
        inner = out
        for d in (1, 2, 3):
            inner = dense(f'body.{b}.rdb{d}', inner)
        out = 0.2 * inner + out
    out = first + conv('conv_body', out)
    for name in ('conv_up1', 'conv_up2'):
        out = out.repeat_interleave(2, -1).repeat_interleave(2, -2)
        out = F.leaky_relu(conv(name, out), 0.2)
    return F.leaky_relu(conv('conv_hr', out), 0.2)


def test_encoder_is_an_rrdbnet():
    encoder = RRDBEncoder(num_feat=6, num_block=2, num_grow_ch=4)
    x = torch.randn(2, 3, 5, 7)
    got = encoder(x)
    assert got.shape == (2, 6, 20, 28)
    torch.testing.assert_close(
        got, plain_rrdbnet(encoder.state_dict(), x, 2), rtol=1e-5, atol=1e-5
    )


def test_frozen_encoder_has_nothing_to_train():
    encoder = RRDBEncoder(num_feat=4, num_block=1, num_grow_ch=2, frozen=True)
    assert not any(p.requires_grad for p in encoder.parameters())


def test_dense_blocks_start_small():
    torch.manual_seed(0)
    encoder = RRDBEncoder(num_feat=32, num_block=1, num_grow_ch=16)
    conv = encoder.body[0].rdb1.conv1
    assert conv.weight.std().item() == pytest.approx(
        0.1 * (2 / (32 * 9)) ** 0.5, rel=0.05
    )
    assert not conv.bias.any()


def test_features_start_about_as_large_as_the_image():
    torch.manual_seed(0)
    image = torch.rand(2, 3, 16, 16) * 2 - 1
    encoder = RRDBEncoder(num_feat=64, num_block=2, num_grow_ch=16)
    share = encoder(image).std((0, 2, 3)).mean() / image.std()
    assert 0.5 < share < 2  # 0.08 with PyTorch's initialisation


def shares_of_signal(**kwargs) -> torch.Tensor:
    from diffusers import DDIMScheduler

    return DDIMScheduler(**SCHEDULER | kwargs).alphas_cumprod


@pytest.mark.parametrize(
    ('schedule', 'expected'),
    [
        ('linear', [0.9985, 0.4437, 0.0816, 0.0062, 1.95e-4]),
        ('scaled_linear', [0.9985, 0.5374, 0.1511, 0.0176, 6.69e-4]),
    ],
)
def test_schedule(schedule, expected):
    alphas = shares_of_signal(beta_schedule=schedule)
    ends = torch.tensor([0.0015, 0.0155], dtype=torch.float64)
    if schedule == 'scaled_linear':
        ends = ends.sqrt()
    betas = torch.linspace(*ends, 1000, dtype=torch.float64)
    if schedule == 'scaled_linear':
        betas = betas**2
    plain = (1 - betas).cumprod(0)
    torch.testing.assert_close(alphas.double(), plain, rtol=0, atol=1e-6)
    at = alphas[[0, 249, 499, 749, 999]].tolist()
    assert at == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize('eta', [0.0, 1.0])
def test_step_is_the_formula_of_ddim(eta):
    from diffusers import DDIMScheduler

    scheduler = DDIMScheduler(**SCHEDULER | dict(clip_sample=False))
    scheduler.set_timesteps(50)
    assert scheduler.timesteps[:2].tolist() == [980, 960]
    assert scheduler.timesteps[-1] == 0
    x, eps, z = torch.randn(3, 1, 3, 4, 4)
    got = scheduler.step(eps, 500, x, eta=eta, variance_noise=z).prev_sample
    a, before = (scheduler.alphas_cumprod[t] for t in (500, 480))
    sigma = eta * ((1 - before) / (1 - a) * (1 - a / before)).sqrt()
    x0 = (x - (1 - a).sqrt() * eps) / a.sqrt()
    expected = (
        before.sqrt() * x0 + (1 - before - sigma**2).sqrt() * eps + sigma * z
    )
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5)


def test_p2_weights_are_the_share_of_noise():
    alphas = shares_of_signal(beta_schedule='linear')
    weights = P2Loss().weight(alphas)
    torch.testing.assert_close(weights, 1 - alphas, rtol=1e-5, atol=1e-6)
    assert weights[[0, 500]].tolist() == pytest.approx(
        [0.0015, 0.9191], abs=5e-5
    )


def test_p2_weights_by_hand():
    alphas = torch.tensor([0.8, 0.5])  # signal to noise 4 and 1
    weights = P2Loss(k=2, gamma=0.5).weight(alphas)
    assert weights.tolist() == pytest.approx([6**-0.5, 3**-0.5])
    assert P2Loss(gamma=0).weight(torch.tensor([1.0])).item() == 1


def test_p2_loss_by_hand():
    pred = torch.zeros(2, 1, 2, 2)
    target = torch.stack(
        [torch.full((1, 2, 2), 1.0), torch.full((1, 2, 2), 2)]
    )
    loss = P2Loss()(pred, target, torch.tensor([0.75, 0.5]))
    assert loss.item() == pytest.approx((0.25 * 1 + 0.5 * 4) / 2)
