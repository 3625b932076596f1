"""The mask head of MCI: fusion of the dates on each level, and a decoder."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from mmrs.models.change.layers import (
    DateFusion,
    Maps,
)
from mmrs.models.change.mask_head import MaskHead
from mmrs.models.layers.init import init_xavier
from mmrs.registry import MODELS


@MODELS.register_module()
class MCIMaskHead(MaskHead):
    """Fuses the dates on every level, and adds the levels up from the last.

    Each fused map has twice the channels of its level. Transposed
    convolutions double the size of the sum between the levels, and twice
    behind the finest one.

    Args:
        in_channels: Channels of the maps, the finest first.
        **kwargs: As of :class:`~mmrs.models.change.mask_head.MaskHead`.

    Shape:
        - Input: maps of both dates; the finest is 4 times smaller than the
          image, every further one 2 times more.
        - Output: (B, num_classes, 4 h, 4 w) for a finest map of h x w.
    """

    def __init__(
        self,
        in_channels: Sequence[int] = (64, 128, 320, 512),
        num_classes: int = 3,
        **kwargs,
    ) -> None:
        super().__init__(num_classes, **kwargs)
        self.fused_channels = [2 * dims for dims in in_channels]
        self.fusions = nn.ModuleList(
            map(DateFusion, in_channels, self.fused_channels)
        )
        below = [self.fused_channels[0], *self.fused_channels[:-1]]
        self.ups = nn.ModuleList(map(_up, self.fused_channels, below))
        finest = in_channels[0]
        self.classify = nn.Sequential(
            nn.ConvTranspose2d(2 * finest, finest, 4, stride=2, padding=1),
            nn.Conv2d(finest, num_classes, 1),
        )
        init_xavier(self)

    def fuse(self, maps_a: Maps, maps_b: Maps, level: int) -> Tensor:
        """Fuse the maps of one level, (B, fused_channels[level], h, w)."""
        return self.fusions[level](maps_a[level], maps_b[level])

    def decode(self, fused: Sequence[Tensor]) -> Tensor:
        """Read the scores from the fused maps of all levels."""
        x = self.ups[-1](fused[-1])
        for up, here in zip(reversed(self.ups[:-1]), reversed(fused[:-1])):
            if x.shape[2:] != here.shape[2:]:  # a map of odd size
                x = F.interpolate(x, here.shape[2:], mode='bilinear')
            x = up(here + x)
        return self.classify(x)

    def forward(self, maps_a: Maps, maps_b: Maps) -> Tensor:
        """Classify each pixel."""
        levels = range(len(self.fusions))
        return self.decode([self.fuse(maps_a, maps_b, k) for k in levels])


def _up(dims: int, out_dims: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(dims, dims, 1),
        nn.BatchNorm2d(dims),
        nn.ReLU(),
        nn.ConvTranspose2d(dims, out_dims, 4, stride=2, padding=1),
    )
