"""Semantic fusion augment (SFA): what the mask branch tells the captions."""

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrs.models.change.layers import DateDifference
from mmrs.models.layers.init import init_xavier
from mmrs.registry import MODELS


class _SFA(BaseModule):
    """Base: cuts gradients, and fits the maps of change to those of captions.

    Args:
        detach: Let no gradient of the captions into the mask branch.
        init_cfg: As of MMEngine's `BaseModule`.
    """

    #: Whether the maps of change are fused, or those of both dates.
    fused: bool

    def __init__(
        self, detach: bool = False, init_cfg: dict | None = None
    ) -> None:
        super().__init__(init_cfg)
        self.detach = detach

    def _prepare(self, change: Tensor, like: Tensor) -> Tensor:
        change = change.detach() if self.detach else change
        size = like.shape[2:]
        if change.shape[2:] != size:
            change = F.interpolate(change, size, mode='bilinear')
        return change


@MODELS.register_module()
class PerDateSFA(_SFA):
    """Adds to each date its own map of change and their difference.

    ``C + ReLU(BN(conv1x1([C, D, d])))``, with the maps ``C`` of the captions,
    ``D`` of the mask branch, and the difference ``d`` of the dates in it.

    Args:
        dims: Channels of the captions' maps.
        change_channels: Channels of the mask branch's maps.
        detach: Let no gradient of the captions into the mask branch.
        init_cfg: As of MMEngine's `BaseModule`.
    """

    fused = False

    def __init__(
        self,
        dims: int = 512,
        change_channels: int = 512,
        detach: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(detach, init_cfg)
        self.difference = DateDifference(change_channels)
        channels = dims + 2 * change_channels
        self.fuse_a = _mix(channels, dims)
        self.fuse_b = _mix(channels, dims)
        init_xavier(self)

    def forward(
        self,
        caption_a: Tensor,
        caption_b: Tensor,
        change_a: Tensor,
        change_b: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Augment the captions' maps of both dates, (B, dims, H, W) each.

        Args:
            caption_a: Of the earlier date.
            caption_b: Of the later date.
            change_a: Of the mask branch, (B, change_channels, h, w).
            change_b: Likewise.
        """
        change_a = self._prepare(change_a, caption_a)
        change_b = self._prepare(change_b, caption_b)
        difference = self.difference(change_a, change_b)
        joined_a = torch.cat([caption_a, change_a, difference], dim=1)
        joined_b = torch.cat([caption_b, change_b, difference], dim=1)
        return (
            caption_a + self.fuse_a(joined_a),
            caption_b + self.fuse_b(joined_b),
        )


@MODELS.register_module()
class FusedSFA(_SFA):
    """Adds to both dates the coarsest fused map of the mask decoder.

    ``C + ReLU(BN(conv1x1([C, y])))``.

    Args:
        dims: Channels of the captions' maps.
        change_channels: Channels of the fused map.
        detach: Let no gradient of the captions into the mask branch.
        init_cfg: As of MMEngine's `BaseModule`.
    """

    fused = True

    def __init__(
        self,
        dims: int = 512,
        change_channels: int = 128,
        detach: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(detach, init_cfg)
        self.fuse_a = _mix(dims + change_channels, dims)
        self.fuse_b = _mix(dims + change_channels, dims)
        init_xavier(self)

    def forward(
        self, caption_a: Tensor, caption_b: Tensor, fused: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Augment the captions' maps of both dates, (B, dims, H, W) each.

        Args:
            caption_a: Of the earlier date.
            caption_b: Of the later date.
            fused: Of the mask decoder, (B, change_channels, h, w).
        """
        fused = self._prepare(fused, caption_a)
        return (
            caption_a + self.fuse_a(torch.cat([caption_a, fused], dim=1)),
            caption_b + self.fuse_b(torch.cat([caption_b, fused], dim=1)),
        )


def _mix(channels: int, dims: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(channels, dims, 1), nn.BatchNorm2d(dims), nn.ReLU()
    )
