"""RoIPool (Girshick, 2015) with mmcv's bins.

torchvision's form rounds the region to whole pixels first; mmcv's does not,
and so the two differ.
"""

import torch
from torch import Tensor


def roi_pool_forward(
    input: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax: Tensor,
    pooled_height: int,
    pooled_width: int,
    spatial_scale: float,
) -> None:
    """Stand in for ``roi_pool_forward``: fill ``output`` and ``argmax``.

    Args:
        input: ``(B, C, H, W)``.
        rois: ``(N, 5)`` as image index, x1, y1, x2, y2, the last pixel being
            inside.
        output: ``(N, C, pooled_height, pooled_width)``: the largest value of
            each bin, 0 where the bin is empty; written to.
        argmax: int32 like ``output``: its place ``y * W + x``, or -1.
        pooled_height: Bins along y.
        pooled_width: Bins along x.
        spatial_scale: Pixels of ``input`` per unit of ``rois``.
    """
    height, width = input.shape[2:]
    output.zero_()
    argmax.fill_(-1)
    for n, (image, x1, y1, x2, y2) in enumerate(rois.float().tolist()):
        rows = _bins(y1, y2, spatial_scale, pooled_height, height)
        columns = _bins(x1, x2, spatial_scale, pooled_width, width)
        for i, (top, bottom) in enumerate(rows):
            for j, (left, right) in enumerate(columns):
                if top < bottom and left < right:
                    cell = input[int(image), :, top:bottom, left:right]
                    best, place = cell.flatten(1).max(1)
                    y = top + place.div(right - left, rounding_mode='floor')
                    x = left + place % (right - left)
                    output[n, :, i, j] = best
                    argmax[n, :, i, j] = y * width + x


def roi_pool_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax: Tensor,
    grad_input: Tensor,
    pooled_height: int,
    pooled_width: int,
    spatial_scale: float,
) -> None:
    """Stand in for ``roi_pool_backward``: add to ``grad_input`` (B, C, H, W).

    The other arguments are those of :func:`roi_pool_forward`.
    """
    image = rois[:, 0].long()[:, None, None, None]
    channels = grad_input.shape[1]
    channel = torch.arange(channels, device=rois.device)[:, None, None]
    pixels = torch.zeros_like(grad_input).flatten(2)
    pixels.index_put_(
        (image, channel, argmax.long().clamp(min=0)),
        grad_output * (argmax >= 0),
        accumulate=True,
    )
    grad_input += pixels.view_as(grad_input)


def _bins(
    start: float, last: float, scale: float, bins: int, size: int
) -> list[tuple[int, int]]:
    """Pixel ranges of the bins along one axis, cut to the feature map."""
    edges = torch.linspace(start * scale, (last + 1) * scale, bins + 1)
    low = edges[:-1].floor().clamp(0, size).long().tolist()
    high = edges[1:].ceil().clamp(0, size).long().tolist()
    return list(zip(low, high))
