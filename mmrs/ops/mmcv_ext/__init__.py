"""A stand-in for ``mmcv._ext`` made of PyTorch and torchvision calls.

``mmcv.ops`` takes its kernels from the compiled module ``mmcv._ext``. Where
that is absent, :mod:`mmrs.stack.imports` serves this package under its name.
Every function here has the name, the arguments and the effect of mmcv's C++
function: forward functions fill the output tensor they are given, backward
functions add to the gradient tensors they are given (mmcv passes zeros). They
run wherever PyTorch and torchvision do, so on CPU and CUDA alike; half
precision is computed in float32.

An operator that is not here exists all the same, as mmcv asks for it at
import, and raises :class:`OpNotProvided` when it is called.
"""

from collections.abc import Callable
from typing import NoReturn

from mmrs.ops.mmcv_ext.bbox import bbox_overlaps
from mmrs.ops.mmcv_ext.deform_conv import (
    deform_conv_backward_input,
    deform_conv_backward_parameters,
    deform_conv_forward,
    modulated_deform_conv_backward,
    modulated_deform_conv_forward,
)
from mmrs.ops.mmcv_ext.focal_loss import (
    sigmoid_focal_loss_backward,
    sigmoid_focal_loss_forward,
    softmax_focal_loss_backward,
    softmax_focal_loss_forward,
)
from mmrs.ops.mmcv_ext.ms_deform_attn import (
    ms_deform_attn_backward,
    ms_deform_attn_forward,
)
from mmrs.ops.mmcv_ext.nms import nms, nms_match, softnms
from mmrs.ops.mmcv_ext.roi_align import roi_align_backward, roi_align_forward
from mmrs.ops.mmcv_ext.roi_pool import roi_pool_backward, roi_pool_forward
from mmrs.ops.mmcv_ext.rotated import box_iou_rotated, nms_rotated

__all__ = [
    'bbox_overlaps',
    'box_iou_rotated',
    'deform_conv_backward_input',
    'deform_conv_backward_parameters',
    'deform_conv_forward',
    'get_compiler_version',
    'get_compiling_cuda_version',
    'modulated_deform_conv_backward',
    'modulated_deform_conv_forward',
    'ms_deform_attn_backward',
    'ms_deform_attn_forward',
    'nms',
    'nms_match',
    'nms_rotated',
    'roi_align_backward',
    'roi_align_forward',
    'roi_pool_backward',
    'roi_pool_forward',
    'sigmoid_focal_loss_backward',
    'sigmoid_focal_loss_forward',
    'softmax_focal_loss_backward',
    'softmax_focal_loss_forward',
    'softnms',
]

# pip would otherwise take the operator-free wheel out of its cache.
_PIP_COMPILE = (
    'MMCV_WITH_OPS=1 pip install --no-build-isolation --no-cache-dir '
    '--force-reinstall --no-deps onedl-mmcv'
)
HOW_TO_COMPILE = f"""\
To compile mmcv (a C++ compiler, and nvcc for CUDA, are needed):
  pip install "setuptools>=80" "packaging>=24.2" wheel ninja psutil
  {_PIP_COMPILE}
With torch 2.14 or newer, whose headers ask for C++20, the second line becomes:
  printf '#!/bin/sh\\nexec g++ "$@" -std=c++20\\n' > g++20 && chmod +x g++20
  CC=$PWD/g++20 CXX=$PWD/g++20 NVCC_APPEND_FLAGS=-std=c++20 {_PIP_COMPILE}"""


class OpNotProvided(NotImplementedError):
    """An operator of mmcv was called that only the compiled mmcv has."""

    def __init__(self, op: str):
        super().__init__(
            f'the mmcv operator "{op}" needs a compiled mmcv; the stand-in '
            f'of mmrs does not provide it.\n{HOW_TO_COMPILE}'
        )


def get_compiler_version() -> str:
    """Stand in for ``get_compiler_version``, for environment reports."""
    return 'not compiled (stand-in of mmrs)'


def get_compiling_cuda_version() -> str:
    """Stand in for ``get_compiling_cuda_version``, for environment reports."""
    return 'not compiled (stand-in of mmrs)'


def __getattr__(name: str) -> Callable[..., NoReturn]:
    """Give a function that raises for any operator not defined above."""
    if name.startswith('__'):
        raise AttributeError(name)

    def not_provided(*args, **kwargs):
        raise OpNotProvided(name)

    return not_provided
