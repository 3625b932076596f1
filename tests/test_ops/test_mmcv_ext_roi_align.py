"""Stand-in RoIAlign and RoIPool against loops over samples."""

import math

import pytest
import torch
from mmcv.ops import RoIAlign, RoIPool
from torch.autograd import gradcheck

# CUDA sums the gradients of a pixel in any order.
NONDET = 1e-10
# Image, x1, y1, x2, y2: inside, tall, beyond the border, empty.
ROIS = [
    [0, 1.0, 2, 9, 7],
    [1, 0, 0, 3, 12],
    [0, -3, 4, 2, 30],
    [1, 5, 5, 5, 5],
]


def bilinear(image: torch.Tensor, y: float, x: float) -> torch.Tensor:
    """Value of ``image`` (C, H, W) at a point; 0 beyond a pixel outside."""
    height, width = image.shape[1:]
    if not (-1 <= y <= height and -1 <= x <= width):
        return torch.zeros_like(image[:, 0, 0])
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = math.floor(y), math.floor(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    dy, dx = y - top, x - left
    upper = image[:, top, left] * (1 - dx) + image[:, top, right] * dx
    lower = image[:, bottom, left] * (1 - dx) + image[:, bottom, right] * dx
    return upper * (1 - dy) + lower * dy


def plain_roi_align(image, roi, size, scale, ratio, mode, aligned):
    """One region ``roi`` (x1, y1, x2, y2), bin by bin, sample by sample."""
    shift = 0.5 if aligned else 0.0
    x1, y1, x2, y2 = (float(v) * scale - shift for v in roi)
    width, height = x2 - x1, y2 - y1
    if not aligned:
        width, height = max(width, 1.0), max(height, 1.0)
    out = image.new_zeros(len(image), *size)
    bin_y, bin_x = height / size[0], width / size[1]
    ny, nx = ratio or math.ceil(bin_y), ratio or math.ceil(bin_x)
    for i in range(size[0]):
        for j in range(size[1]):
            samples = [
                bilinear(
                    image,
                    y1 + (i + (sy + 0.5) / ny) * bin_y,
                    x1 + (j + (sx + 0.5) / nx) * bin_x,
                )
                for sy in range(ny)
                for sx in range(nx)
            ]
            if samples:
                stack = torch.stack(samples)
                average = mode == 'avg'
                out[:, i, j] = stack.mean(0) if average else stack.amax(0)
    return out


@pytest.mark.parametrize('mode', ['avg', 'max'])
@pytest.mark.parametrize('aligned', [True, False])
@pytest.mark.parametrize('ratio', [0, 2])
def test_roi_align_equals_a_loop(device, mode, aligned, ratio):
    torch.manual_seed(0)
    images = torch.randn(2, 3, 8, 9)
    rois = torch.tensor(ROIS)
    layer = RoIAlign((2, 3), 0.7, ratio, mode, aligned)
    pooled = layer(images.to(device), rois.to(device)).cpu()
    expected = torch.stack(
        [
            plain_roi_align(
                images[int(roi[0])], roi[1:], (2, 3), 0.7, ratio, mode, aligned
            )
            for roi in rois
        ]
    )
    torch.testing.assert_close(pooled, expected)


@pytest.mark.parametrize('mode', ['avg', 'max'])
@pytest.mark.parametrize('ratio', [0, 2])
def test_roi_align_gradient(device, mode, ratio):
    torch.manual_seed(0)
    images = torch.randn(2, 2, 6, 7, dtype=torch.float64, device=device)
    rois = torch.tensor(ROIS, dtype=torch.float64, device=device)
    layer = RoIAlign(2, 0.5, ratio, mode)
    images.requires_grad_()
    assert gradcheck(lambda x: layer(x, rois), images, nondet_tol=NONDET)


def test_roi_align_of_half_precision(device):
    torch.manual_seed(0)
    images = torch.randn(2, 3, 8, 9, device=device, dtype=torch.float16)
    rois = torch.tensor(ROIS, device=device)
    layer = RoIAlign(3, 0.5, 2)
    pooled = layer(images, rois.half())
    assert pooled.dtype == torch.float16
    torch.testing.assert_close(
        pooled.float(), layer(images.float(), rois), atol=2e-3, rtol=2e-3
    )


def test_roi_align_of_no_regions():
    images = torch.randn(1, 3, 8, 8, requires_grad=True)
    for mode in ('avg', 'max'):
        pooled = RoIAlign(7, pool_mode=mode)(images, torch.zeros(0, 5))
        assert pooled.shape == (0, 3, 7, 7)
        pooled.sum().backward()
    assert not images.grad.any()


def plain_roi_pool(image, roi, size, scale):
    """Largest pixel of every bin, by comparing them one after another."""
    height, width = image.shape[1:]
    x1, y1 = float(roi[0]) * scale, float(roi[1]) * scale
    bin_x = (float(roi[2]) + 1) * scale - x1
    bin_y = (float(roi[3]) + 1) * scale - y1
    bin_x, bin_y = bin_x / size[1], bin_y / size[0]
    out = image.new_zeros(len(image), *size)
    for c in range(len(image)):
        for i in range(size[0]):
            for j in range(size[1]):
                pixels = [
                    float(image[c, y, x])
                    for y in range(height)
                    for x in range(width)
                    if math.floor(i * bin_y + y1) <= y
                    and y < math.ceil((i + 1) * bin_y + y1)
                    and math.floor(j * bin_x + x1) <= x
                    and x < math.ceil((j + 1) * bin_x + x1)
                ]
                out[c, i, j] = max(pixels, default=0.0)
    return out


def test_roi_pool_equals_a_loop(device):
    torch.manual_seed(0)
    images = torch.randn(2, 3, 8, 9)
    rois = torch.tensor(ROIS + [[0, 30.0, 30, 40, 40]])
    pooled = RoIPool((2, 3), 0.5)(images.to(device), rois.to(device)).cpu()
    expected = torch.stack(
        [
            plain_roi_pool(images[int(roi[0])], roi[1:], (2, 3), 0.5)
            for roi in rois
        ]
    )
    torch.testing.assert_close(pooled, expected)


def test_roi_pool_gradient(device):
    torch.manual_seed(0)
    images = torch.randn(2, 2, 6, 7, dtype=torch.float64, device=device)
    rois = torch.tensor(ROIS, dtype=torch.float64, device=device)
    layer = RoIPool((2, 3), 0.5)
    images.requires_grad_()
    assert gradcheck(lambda x: layer(x, rois), images, nondet_tol=NONDET)
