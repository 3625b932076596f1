"""RoIAlign (He et al., 2017), average and max.

A region is cut into ``aligned_height x aligned_width`` bins, and each bin is
sampled by bilinear interpolation at a grid of points, which are averaged or
of which the largest is taken. torchvision has the average.
"""

import torch
from torch import Tensor
from torchvision.ops import roi_align

_MAX, _AVG = 0, 1


def roi_align_forward(
    input: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Stand in for ``roi_align_forward``: fill ``output``.

    Args:
        input: ``(B, C, H, W)``.
        rois: ``(N, 5)`` as image index, x1, y1, x2, y2.
        output: ``(N, C, aligned_height, aligned_width)``; written to.
        argmax_y: Like ``output`` in max mode: the row of the largest sample
            in pixels of ``input``, -1 where a region is empty; written to.
        argmax_x: The same for the column.
        aligned_height: Bins along y.
        aligned_width: Bins along x.
        spatial_scale: Pixels of ``input`` per unit of ``rois``.
        sampling_ratio: Samples per bin and axis; 0 for one per pixel.
        pool_mode: 0 for max, 1 for average.
        aligned: Shift by half a pixel, so that a pixel's value lies in its
            middle.
    """
    dtype = torch.promote_types(input.dtype, torch.float32)
    features, rois = input.to(dtype), rois.to(dtype)
    if pool_mode == _AVG:
        size = (aligned_height, aligned_width)
        pooled = roi_align(
            features, rois, size, spatial_scale, sampling_ratio, aligned
        )
        output.copy_(pooled)
        return
    for n, roi in enumerate(rois):
        box = _feature_box(roi[1:], spatial_scale, aligned)
        y = _sample_points(box[1], box[3], aligned_height, sampling_ratio)
        x = _sample_points(box[0], box[2], aligned_width, sampling_ratio)
        best = _max_sample(features[int(roi[0])], y, x)
        output[n], argmax_y[n], argmax_x[n] = best


def roi_align_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    grad_input: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Stand in for ``roi_align_backward``: add to ``grad_input`` (B, C, H, W).

    The other arguments are those of :func:`roi_align_forward`.
    """
    dtype = torch.promote_types(grad_output.dtype, torch.float32)
    grad_output, rois = grad_output.to(dtype), rois.to(dtype)
    if pool_mode == _AVG:
        grad_input += torch.ops.torchvision._roi_align_backward(
            grad_output,
            rois,
            spatial_scale,
            aligned_height,
            aligned_width,
            *grad_input.shape,
            sampling_ratio,
            aligned,
        )
    else:
        image = rois[:, 0].long()
        grad_input += _scatter_samples(
            grad_output, image, argmax_y.to(dtype), argmax_x.to(dtype),
            grad_input.shape,
        )  # fmt: skip


def _feature_box(box: Tensor, spatial_scale: float, aligned: bool) -> Tensor:
    """x1, y1, x2, y2 in pixels of the features."""
    box = box * spatial_scale
    if aligned:
        return box - 0.5
    # The older form makes every region at least one pixel wide and high.
    return torch.cat([box[:2], box[2:].maximum(box[:2] + 1)])


def _sample_points(
    start: Tensor, end: Tensor, bins: int, sampling_ratio: int
) -> Tensor:
    """Coordinates of the samples along one axis, ``(bins, samples)``."""
    bin_size = (end - start) / bins
    if sampling_ratio > 0:
        samples = sampling_ratio
    else:
        samples = max(0, int(bin_size.ceil()))
    edges = start + bin_size * torch.arange(bins, device=start.device)
    within = torch.arange(samples, device=start.device) + 0.5
    return edges[:, None] + within * bin_size / max(1, samples)


def _neighbours(
    coord: Tensor, size: int
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Index and weight of the pixel below and the one above a coordinate.

    Samples up to one pixel outside take the border's value; those further
    out weigh nothing.
    """
    inside = (coord >= -1) & (coord <= size)
    coord = coord.clamp(0, size - 1)
    low = coord.floor().long()
    high = (low + 1).clamp(max=size - 1)
    upper = coord - low
    return (low, (1 - upper) * inside), (high, upper * inside)


def _interpolator(coord: Tensor, size: int) -> Tensor:
    """Matrix ``(len(coord), size)`` that interpolates along one axis."""
    matrix = coord.new_zeros(len(coord), size)
    for index, weight in _neighbours(coord, size):
        matrix.scatter_add_(1, index[:, None], weight[:, None])
    return matrix


def _max_sample(
    feature: Tensor, y: Tensor, x: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Largest sample of every bin, and where it lies.

    Args:
        feature: ``(C, H, W)``.
        y: ``(bins_y, samples_y)`` rows.
        x: ``(bins_x, samples_x)`` columns.

    Returns:
        Value, row and column, ``(C, bins_y, bins_x)`` each.
    """
    channels, height, width = feature.shape
    shape = (channels, y.shape[0], x.shape[0])
    if y.numel() == 0 or x.numel() == 0:
        nowhere = feature.new_full(shape, -1)
        return feature.new_zeros(shape), nowhere, nowhere
    rows = _interpolator(y.flatten(), height)
    columns = _interpolator(x.flatten(), width)
    values = rows @ feature @ columns.T
    values = values.view(channels, *y.shape, *x.shape)
    values = values.transpose(2, 3).flatten(3)
    best, place = values.max(-1)
    row = place.div(x.shape[1], rounding_mode='floor')
    column = place % x.shape[1]
    bin_y = torch.arange(y.shape[0], device=y.device)[:, None]
    bin_x = torch.arange(x.shape[0], device=x.device)
    return best, y[bin_y, row], x[bin_x, column]


def _scatter_samples(
    grad: Tensor, image: Tensor, y: Tensor, x: Tensor, shape: torch.Size
) -> Tensor:
    """Spread the gradient of samples at (y, x) over their four pixels."""
    grad_input = grad.new_zeros(shape)
    image = image[:, None, None, None]
    channel = torch.arange(shape[1], device=grad.device)[:, None, None]
    grad = grad * (y != -1)
    for row, weight_y in _neighbours(y, shape[2]):
        for column, weight_x in _neighbours(x, shape[3]):
            grad_input.index_put_(
                (image, channel, row, column),
                grad * weight_y * weight_x,
                accumulate=True,
            )
    return grad_input
