"""Deformable convolution (Dai et al., 2017; with a mask: Zhu et al., 2019).

torchvision's kernels compute both. Its backward gives all gradients at once;
mmcv asks for those of the plain form in two calls.

Shapes, with K = kernel height x width and G = ``deformable_group``: input
``(B, C, H, W)``, offset ``(B, 2 * G * K, H', W')`` (y before x), mask
``(B, G * K, H', W')``, weight ``(C', C / group, kh, kw)``, bias ``(C',)``,
output ``(B, C', H', W')``. The buffers ``ones`` and ``columns`` and
``im2col_step`` steer mmcv's own kernel and are not read.
"""

from dataclasses import astuple, dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class _Geometry:
    """The integers of a deformable convolution, in torchvision's order."""

    stride_h: int
    stride_w: int
    pad_h: int
    pad_w: int
    dilation_h: int
    dilation_w: int
    group: int
    deformable_group: int


def deform_conv_forward(
    input: Tensor,
    weight: Tensor,
    offset: Tensor,
    output: Tensor,
    columns: Tensor,
    ones: Tensor,
    kW: int,
    kH: int,
    dW: int,
    dH: int,
    padW: int,
    padH: int,
    dilationW: int,
    dilationH: int,
    group: int,
    deformable_group: int,
    im2col_step: int,
) -> None:
    """Stand in for ``deform_conv_forward``: fill ``output``."""
    geometry = _Geometry(
        dH, dW, padH, padW, dilationH, dilationW, group, deformable_group
    )  # fmt: skip
    output.copy_(_forward(input, weight, offset, None, geometry))


def deform_conv_backward_input(
    input: Tensor,
    offset: Tensor,
    gradOutput: Tensor,
    gradInput: Tensor,
    gradOffset: Tensor,
    weight: Tensor,
    columns: Tensor,
    kW: int,
    kH: int,
    dW: int,
    dH: int,
    padW: int,
    padH: int,
    dilationW: int,
    dilationH: int,
    group: int,
    deformable_group: int,
    im2col_step: int,
) -> None:
    """Stand in for ``deform_conv_backward_input``.

    Adds to ``gradInput`` and ``gradOffset``.
    """
    geometry = _Geometry(
        dH, dW, padH, padW, dilationH, dilationW, group, deformable_group
    )  # fmt: skip
    grads = _backward(gradOutput, input, weight, offset, None, geometry)
    gradInput += grads[0]
    gradOffset += grads[2]


def deform_conv_backward_parameters(
    input: Tensor,
    offset: Tensor,
    gradOutput: Tensor,
    gradWeight: Tensor,
    columns: Tensor,
    ones: Tensor,
    kW: int,
    kH: int,
    dW: int,
    dH: int,
    padW: int,
    padH: int,
    dilationW: int,
    dilationH: int,
    group: int,
    deformable_group: int,
    scale: float,
    im2col_step: int,
) -> None:
    """Stand in for ``deform_conv_backward_parameters``.

    Adds ``scale`` times the gradient to ``gradWeight``.
    """
    geometry = _Geometry(
        dH, dW, padH, padW, dilationH, dilationW, group, deformable_group
    )  # fmt: skip
    # The gradient of the weights does not depend on the weights.
    weight = torch.zeros_like(gradWeight)
    grads = _backward(gradOutput, input, weight, offset, None, geometry)
    gradWeight += scale * grads[1]


def modulated_deform_conv_forward(
    input: Tensor,
    weight: Tensor,
    bias: Tensor,
    ones: Tensor,
    offset: Tensor,
    mask: Tensor,
    output: Tensor,
    columns: Tensor,
    kernel_h: int,
    kernel_w: int,
    stride_h: int,
    stride_w: int,
    pad_h: int,
    pad_w: int,
    dilation_h: int,
    dilation_w: int,
    group: int,
    deformable_group: int,
    with_bias: bool,
) -> None:
    """Stand in for ``modulated_deform_conv_forward``: fill ``output``."""
    geometry = _Geometry(
        stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, group,
        deformable_group,
    )  # fmt: skip
    output.copy_(_forward(input, weight, offset, mask, geometry))
    if with_bias:
        output += bias[:, None, None]


def modulated_deform_conv_backward(
    input: Tensor,
    weight: Tensor,
    bias: Tensor,
    ones: Tensor,
    offset: Tensor,
    mask: Tensor,
    columns: Tensor,
    grad_input: Tensor,
    grad_weight: Tensor,
    grad_bias: Tensor,
    grad_offset: Tensor,
    grad_mask: Tensor,
    grad_output: Tensor,
    kernel_h: int,
    kernel_w: int,
    stride_h: int,
    stride_w: int,
    pad_h: int,
    pad_w: int,
    dilation_h: int,
    dilation_w: int,
    group: int,
    deformable_group: int,
    with_bias: bool,
) -> None:
    """Stand in for ``modulated_deform_conv_backward``.

    Adds to the five ``grad_`` tensors in front of ``grad_output``;
    ``grad_bias`` is left alone without ``with_bias``.
    """
    geometry = _Geometry(
        stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, group,
        deformable_group,
    )  # fmt: skip
    grads = _backward(grad_output, input, weight, offset, mask, geometry)
    grad_input += grads[0]
    grad_weight += grads[1]
    grad_offset += grads[2]
    grad_mask += grads[3]
    if with_bias:
        grad_bias += grad_output.sum((0, 2, 3))


def _forward(
    input: Tensor,
    weight: Tensor,
    offset: Tensor,
    mask: Tensor | None,
    geometry: _Geometry,
) -> Tensor:
    arguments = _arguments(input, weight, offset, mask, geometry)
    return torch.ops.torchvision.deform_conv2d(*arguments)


def _backward(
    grad_output: Tensor,
    input: Tensor,
    weight: Tensor,
    offset: Tensor,
    mask: Tensor | None,
    geometry: _Geometry,
) -> tuple[Tensor, ...]:
    """Gradients of input, weight, offset, mask and bias, in this order."""
    arguments = _arguments(input, weight, offset, mask, geometry)
    grad_output = grad_output.to(arguments[0].dtype)
    grads = torch.ops.torchvision._deform_conv2d_backward(
        grad_output, *arguments
    )
    inside = _inside(arguments[2], weight.shape[2:], geometry)
    return grads[0], grads[1], grads[2] * inside, *grads[3:]


def _inside(
    offset: Tensor, kernel: tuple[int, int], geometry: _Geometry
) -> Tensor:
    """Which sampling coordinates are greater than -1; shaped like offset.

    A sample at -1 sees only padding, but half a step on it would not. mmcv
    takes the slope there as 0, torchvision the one towards the image. It
    matters as layers start with all offsets at 0.
    """
    g, device = geometry, offset.device
    height, width = offset.shape[2:]
    y = _taps(height, kernel[0], g.stride_h, g.pad_h, g.dilation_h, device)
    x = _taps(width, kernel[1], g.stride_w, g.pad_w, g.dilation_w, device)
    y, x = torch.broadcast_tensors(y[:, None, :, None], x[None, :, None, :])
    taps = torch.stack([y, x], 2).flatten(0, 2)
    samples = offset.unflatten(1, (g.deformable_group, -1)) + taps
    return (samples > -1).flatten(1, 2)


def _taps(
    size: int,
    kernel: int,
    stride: int,
    pad: int,
    dilation: int,
    device: torch.device,
) -> Tensor:
    """Input coordinates that a kernel reads along an axis, ``(kernel, size)``.

    Without offsets, that is, for each of the ``size`` outputs.
    """
    start = torch.arange(size, device=device) * stride - pad
    step = torch.arange(kernel, device=device) * dilation
    return step[:, None] + start


def _arguments(
    input: Tensor,
    weight: Tensor,
    offset: Tensor,
    mask: Tensor | None,
    geometry: _Geometry,
) -> tuple:
    """What both kernels of torchvision take: no bias, a mask in any case."""
    use_mask = mask is not None
    if not use_mask:
        mask = input.new_zeros(len(input), 1)
    bias = input.new_zeros(len(weight))
    dtype = torch.promote_types(input.dtype, torch.float32)
    tensors = (x.to(dtype) for x in (input, weight, offset, mask, bias))
    return *tensors, *astuple(geometry), use_mask
