"""Normalisation by the root of the mean square."""

import torch
from torch import Tensor, nn

__all__ = ['RMSNorm']


class RMSNorm(nn.Module):
    """``x / sqrt(mean(x^2) + eps) * weight``, computed in float32.

    Args:
        dims: Size of the last axis.
        eps: Added to the mean square.
    """

    def __init__(self, dims: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(dims))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (..., dims); the dtype stays."""
        wide = x.float() if x.dtype.itemsize < 4 else x
        scale = torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.eps)
        return (wide * scale * self.weight.to(wide.dtype)).to(x.dtype)
