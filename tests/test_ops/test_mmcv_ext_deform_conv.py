"""Stand-in deformable convolutions against a loop over kernel taps."""

import pytest
import torch
from mmcv.ops import (
    DeformConv2d,
    ModulatedDeformConv2d,
    ModulatedDeformConv2dPack,
    deform_conv2d,
    modulated_deform_conv2d,
)
from torch import Tensor
from torch.autograd import gradcheck
from torch.nn import functional as F


def plain_deform_conv(
    x: Tensor,
    offset: Tensor,
    mask: Tensor,
    weight: Tensor,
    stride: int,
    padding: int,
    dilation: int,
    groups: int,
    deform_groups: int,
) -> Tensor:
    """Sample every tap by grid_sample, then sum taps and channels."""
    batch, channels, height, width = x.shape
    kh, kw = weight.shape[2:]
    out_h, out_w = offset.shape[2:]
    offset = offset.view(batch, deform_groups, kh, kw, 2, out_h, out_w)
    mask = mask.view(batch, deform_groups, kh, kw, 1, out_h, out_w)
    base_y = torch.arange(out_h).to(x)[:, None] * stride - padding
    base_x = torch.arange(out_w).to(x) * stride - padding
    size = torch.tensor([width, height]).to(x)
    weight = weight.view(groups, -1, *weight.shape[1:])
    output = 0
    for i in range(kh):
        for j in range(kw):
            samples = []
            parts = x.chunk(deform_groups, 1)
            for d, part in enumerate(parts):
                y = base_y + i * dilation + offset[:, d, i, j, 0]
                col = base_x + j * dilation + offset[:, d, i, j, 1]
                grid = (torch.stack([col, y], -1) * 2 + 1) / size - 1
                sample = F.grid_sample(part, grid, align_corners=False)
                samples.append(sample * mask[:, d, i, j])
            sample = torch.cat(samples, 1).unflatten(1, (groups, -1))
            tap = torch.einsum('goc,ngchw->ngohw', weight[..., i, j], sample)
            output = output + tap.flatten(1, 2)
    return output


def make_inputs(device, dtype, groups, deform_groups, stride, dilation):
    generator = torch.Generator().manual_seed(0)

    def randn(*shape):
        values = torch.randn(*shape, generator=generator, dtype=torch.float64)
        return values.to(device, dtype)

    size = (7 + 2 - 2 * dilation - 1) // stride + 1
    x = randn(2, 4, 7, 7)
    offset = randn(2, deform_groups * 18, size, size)
    mask = randn(2, deform_groups * 9, size, size).sigmoid()
    weight = randn(6, 4 // groups, 3, 3)
    return x, offset, mask, weight


# CUDA sums the gradients of a pixel in any order.
NONDET = 1e-10
SETTINGS = [
    # groups, deform_groups, stride, dilation
    (1, 1, 1, 1),
    (2, 2, 2, 1),
    (1, 4, 1, 2),
]


@pytest.mark.parametrize('setting', SETTINGS)
def test_deform_conv_equals_a_loop(device, setting):
    groups, deform_groups, stride, dilation = setting
    x, offset, mask, weight = make_inputs(device, torch.float32, *setting)
    output = deform_conv2d(
        x, offset, weight, stride, 1, dilation, groups, deform_groups
    )
    expected = plain_deform_conv(
        x, offset, torch.ones_like(mask), weight, stride, 1, dilation,
        groups, deform_groups,
    )  # fmt: skip
    torch.testing.assert_close(output, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize('setting', SETTINGS)
def test_modulated_deform_conv_equals_a_loop(device, setting):
    groups, deform_groups, stride, dilation = setting
    x, offset, mask, weight = make_inputs(device, torch.float32, *setting)
    bias = torch.arange(6.0, device=device)
    output = modulated_deform_conv2d(
        x, offset, mask, weight, bias, stride, 1, dilation, groups,
        deform_groups,
    )  # fmt: skip
    expected = plain_deform_conv(
        x, offset, mask, weight, stride, 1, dilation, groups, deform_groups
    )
    expected = expected + bias[:, None, None]
    torch.testing.assert_close(output, expected, atol=1e-4, rtol=1e-4)


def test_deform_conv_gradients(device):
    x, offset, _, weight = make_inputs(device, torch.float64, 2, 2, 2, 1)
    leaves = [t.requires_grad_() for t in (x, offset, weight)]
    assert gradcheck(
        lambda x, o, w: deform_conv2d(x, o, w, 2, 1, 1, 2, 2),
        leaves,
        fast_mode=True,
        nondet_tol=NONDET,
    )


def test_modulated_deform_conv_gradients(device):
    x, offset, mask, weight = make_inputs(device, torch.float64, 2, 2, 2, 1)
    bias = torch.randn(6, dtype=torch.float64, device=device)
    leaves = [t.requires_grad_() for t in (x, offset, mask, weight, bias)]
    assert gradcheck(
        lambda x, o, m, w, b: modulated_deform_conv2d(
            x, o, m, w, b, 2, 1, 1, 2, 2
        ),
        leaves,
        fast_mode=True,
        nondet_tol=NONDET,
    )


def test_samples_on_the_edge_of_the_padding_have_no_slope():
    # Without offsets the first row and column of the taps lie at -1, where
    # mmcv takes the slope as 0.
    x = torch.ones(1, 1, 3, 3)
    offset = torch.zeros(1, 18, 3, 3, requires_grad=True)
    deform_conv2d(x, offset, torch.ones(1, 1, 3, 3), 1, 1).sum().backward()
    slope = offset.grad.view(3, 3, 2, 3, 3)
    assert not slope[0, :, 0, 0].any() and not slope[:, 0, 1, :, 0].any()


def test_zero_offsets_give_the_plain_convolution():
    torch.manual_seed(0)
    x = torch.randn(2, 4, 8, 8)
    layer = DeformConv2d(4, 6, 3, padding=1)
    output = layer(x, torch.zeros(2, 18, 8, 8))
    expected = F.conv2d(x, layer.weight, padding=1)
    torch.testing.assert_close(output, expected, atol=1e-5, rtol=1e-5)


def test_modulated_layers_train(device):
    torch.manual_seed(0)
    x = torch.randn(2, 4, 8, 8, device=device, requires_grad=True)
    pack = ModulatedDeformConv2dPack(4, 6, 3, padding=1).to(device)
    layer = ModulatedDeformConv2d(6, 5, 3, padding=1).to(device)
    offset = torch.zeros(2, 18, 8, 8, device=device)
    mask = torch.ones(2, 9, 8, 8, device=device)
    layer(pack(x), offset, mask).square().sum().backward()
    for parameter in (*pack.parameters(), *layer.parameters(), x):
        assert parameter.grad.isfinite().all() and parameter.grad.any()
