"""Stand-in multi-scale deformable attention against a loop over samples."""

import math

import torch
from mmcv.ops import MultiScaleDeformableAttention
from mmcv.ops.multi_scale_deform_attn import MultiScaleDeformableAttnFunction
from torch.autograd import gradcheck

# CUDA sums the gradients of a pixel in any order.
NONDET = 1e-10
SHAPES = [(4, 5), (2, 3)]


def make_inputs(device, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    pixels = sum(h * w for h, w in SHAPES)

    def rand(*shape):
        values = torch.rand(*shape, generator=generator, dtype=torch.float64)
        return values.to(device, dtype)

    value = rand(2, pixels, 2, 3)
    # Some samples lie outside the image.
    locations = rand(2, 4, 2, 2, 3, 2) * 1.4 - 0.2
    weights = rand(2, 4, 2, 2, 3)
    return value, locations, weights


def attend(value, locations, weights):
    shapes = torch.tensor(SHAPES, device=value.device)
    starts = torch.tensor([0, 20], device=value.device)
    return MultiScaleDeformableAttnFunction.apply(
        value, shapes, starts, locations, weights, 64
    )


def plain_sample(level, y: float, x: float):
    """Bilinear value of ``level`` (h, w, D), 0 outside."""
    total = 0
    for row in (math.floor(y), math.floor(y) + 1):
        for col in (math.floor(x), math.floor(x) + 1):
            if 0 <= row < level.shape[0] and 0 <= col < level.shape[1]:
                near = (1 - abs(y - row)) * (1 - abs(x - col))
                total = total + near * level[row, col]
    return total


def test_forward_equals_a_loop(device):
    value, locations, weights = make_inputs(device)
    output = attend(value, locations, weights).cpu()
    value, locations, weights = make_inputs('cpu')
    expected = torch.zeros(2, 4, 2, 3, dtype=torch.float64)
    for b, q, m, p in torch.cartesian_prod(*map(torch.arange, (2, 4, 2, 3))):
        start = 0
        for i, (h, w) in enumerate(SHAPES):
            level = value[b, start : start + h * w, m].view(h, w, 3)
            start += h * w
            x, y = locations[b, q, m, i, p].tolist()
            sample = plain_sample(level, y * h - 0.5, x * w - 0.5)
            expected[b, q, m] += weights[b, q, m, i, p] * sample
    torch.testing.assert_close(output, expected.flatten(2))


def test_gradients(device):
    leaves = [t.requires_grad_() for t in make_inputs(device)]
    assert gradcheck(attend, leaves, fast_mode=True, nondet_tol=NONDET)


def test_half_precision(device):
    inputs = make_inputs(device, torch.float16)
    output = attend(*inputs)
    assert output.dtype == torch.float16
    torch.testing.assert_close(
        output.float(), attend(*(t.float() for t in inputs)),
        atol=2e-3, rtol=2e-3,
    )  # fmt: skip


def test_layer_trains(device):
    torch.manual_seed(0)
    layer = MultiScaleDeformableAttention(
        embed_dims=8, num_heads=2, num_levels=2, num_points=3, batch_first=True
    ).to(device)
    query = torch.randn(2, 4, 8, device=device)
    value = torch.randn(2, 26, 8, device=device, requires_grad=True)
    points = torch.rand(2, 4, 2, 2, device=device)
    shapes = torch.tensor(SHAPES, device=device)
    starts = torch.tensor([0, 20], device=device)
    output = layer(
        query,
        value=value,
        reference_points=points,
        spatial_shapes=shapes,
        level_start_index=starts,
    )
    output.square().sum().backward()
    assert value.grad.any() and layer.value_proj.weight.grad.any()
