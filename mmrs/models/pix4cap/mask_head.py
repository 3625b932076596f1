"""The light mask head of Pix4Cap: bi-temporal fusion (BTF) and a pyramid."""

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
class BTFMaskHead(MaskHead):
    """Fuses the dates on every level to few channels, and adds them up.

    Args:
        in_channels: Channels of the maps, the finest first.
        num_classes: Classes of a pixel.
        dims: Channels of the fused maps.
        **kwargs: As of :class:`~mmrs.models.change.mask_head.MaskHead`.

    Shape:
        - Input: maps of both dates.
        - Output: (B, num_classes, 4 h, 4 w) for a finest map of h x w.
    """

    def __init__(
        self,
        in_channels: Sequence[int] = (64, 128, 320, 512),
        num_classes: int = 2,
        dims: int = 128,
        **kwargs,
    ) -> None:
        super().__init__(num_classes, **kwargs)
        self.fused_channels = [dims] * len(in_channels)
        self.fusions = nn.ModuleList(
            DateFusion(channels, dims) for channels in in_channels
        )
        self.smooth = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(dims, dims, 3, padding=1),
                nn.BatchNorm2d(dims),
                nn.ReLU(),
            )
            for _ in in_channels
        )
        self.classify = nn.Sequential(
            *_double(dims, dims // 2),
            *_double(dims // 2, dims // 4),
            nn.Conv2d(dims // 4, num_classes, 1),
        )
        init_xavier(self)

    def fuse(self, maps_a: Maps, maps_b: Maps, level: int) -> Tensor:
        """Fuse the maps of one level, (B, fused_channels[level], h, w)."""
        return self.fusions[level](maps_a[level], maps_b[level])

    def decode(self, fused: Sequence[Tensor]) -> Tensor:
        """Read the scores from the fused maps of all levels."""
        x = self.smooth[-1](fused[-1])
        for smooth, here in zip(
            reversed(self.smooth[:-1]), reversed(fused[:-1])
        ):
            up = F.interpolate(x, here.shape[2:], mode='bilinear')
            x = smooth(here + up)
        return self.classify(x)

    def forward(self, maps_a: Maps, maps_b: Maps) -> Tensor:
        """Classify each pixel."""
        levels = range(len(self.fusions))
        return self.decode([self.fuse(maps_a, maps_b, k) for k in levels])


def _double(dims: int, out_dims: int) -> list[nn.Module]:
    return [
        nn.ConvTranspose2d(dims, out_dims, 4, stride=2, padding=1),
        nn.BatchNorm2d(out_dims),
        nn.ReLU(),
    ]
