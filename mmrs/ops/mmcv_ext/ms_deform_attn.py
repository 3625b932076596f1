"""Multi-scale deformable attention (Zhu et al., 2021).

mmcv ships a PyTorch form of it and uses it on CPUs only; here it serves CUDA
tensors too.

Shapes: value ``(B, S, heads, D)`` with the S pixels of all levels in a row,
value_spatial_shapes ``(L, 2)`` as height and width of each level,
sampling_locations ``(B, Q, heads, L, P, 2)`` as x, y in 0..1,
attention_weights ``(B, Q, heads, L, P)``. The start index of the levels
follows from their shapes, and ``im2col_step`` steers mmcv's own kernel;
neither is read.
"""

import torch
from torch import Tensor


def ms_deform_attn_forward(
    value: Tensor,
    value_spatial_shapes: Tensor,
    value_level_start_index: Tensor,
    sampling_locations: Tensor,
    attention_weights: Tensor,
    im2col_step: int,
) -> Tensor:
    """Stand in for ``ms_deform_attn_forward``.

    Returns:
        The attended values, ``(B, Q, heads * D)``.
    """
    # mmcv.ops is only complete after this package has been imported.
    from mmcv.ops.multi_scale_deform_attn import (
        multi_scale_deformable_attn_pytorch,
    )

    dtype = torch.promote_types(value.dtype, torch.float32)
    output = multi_scale_deformable_attn_pytorch(
        value.to(dtype),
        value_spatial_shapes,
        sampling_locations.to(dtype),
        attention_weights.to(dtype),
    )
    return output.to(value.dtype)


def ms_deform_attn_backward(
    value: Tensor,
    value_spatial_shapes: Tensor,
    value_level_start_index: Tensor,
    sampling_locations: Tensor,
    attention_weights: Tensor,
    grad_output: Tensor,
    grad_value: Tensor,
    grad_sampling_loc: Tensor,
    grad_attn_weight: Tensor,
    im2col_step: int,
) -> None:
    """Stand in for ``ms_deform_attn_backward``, by automatic differentiation.

    Adds to ``grad_value``, ``grad_sampling_loc`` and ``grad_attn_weight``.
    """
    leaves = [
        x.detach().requires_grad_()
        for x in (value, sampling_locations, attention_weights)
    ]
    with torch.enable_grad():
        output = ms_deform_attn_forward(
            leaves[0],
            value_spatial_shapes,
            value_level_start_index,
            *leaves[1:],
            im2col_step,
        )
    grads = torch.autograd.grad(output, leaves, grad_output)
    for total, grad in zip(
        (grad_value, grad_sampling_loc, grad_attn_weight), grads
    ):
        total += grad
