"""Layers that several networks for two dates share."""

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrs.models.layers.init import init_xavier
from mmrs.registry import MODELS

Maps = tuple[Tensor, ...]


class AxisPositions(nn.Module):
    """Learnt positions: half of the channels by column, half by row.

    Args:
        dims: Channels of the map.
        size: Rows and columns that have a position of their own. A larger
            map gets linearly interpolated ones.
    """

    def __init__(self, dims: int, size: int = 16) -> None:
        super().__init__()
        self.col = nn.Parameter(torch.empty(size, dims // 2))
        self.row = nn.Parameter(torch.empty(size, dims - dims // 2))
        init_xavier(self)

    def forward(self, x: Tensor) -> Tensor:
        """Add the positions to a map (B, dims, H, W)."""
        height, width = x.shape[2:]
        col, row = _fit(self.col, width), _fit(self.row, height)
        return x + torch.cat(
            [
                col.T[:, None].expand(-1, height, -1),
                row.T[:, :, None].expand(-1, -1, width),
            ]
        )


def _fit(table: Tensor, length: int) -> Tensor:
    """Take the first positions of a table, or stretch it: (length, C)."""
    if length <= len(table):
        return table[:length]
    return F.interpolate(table.T[None], length, mode='linear')[0].T


class DateDifference(nn.Module):
    """The difference of two dates in magnitude and in direction.

    ``BN(conv1x1(later - earlier)) + cosine(earlier, later)``, the cosine over
    the channels, added to each of them.

    Args:
        dims: Channels of the maps.
    """

    def __init__(self, dims: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(dims, dims, 1)
        self.norm = nn.BatchNorm2d(dims)

    def forward(self, earlier: Tensor, later: Tensor) -> Tensor:
        """Compare two maps (B, C, H, W)."""
        cosine = F.cosine_similarity(earlier, later, dim=1).unsqueeze(1)
        return self.norm(self.conv(later - earlier)) + cosine


class DateFusion(nn.Module):
    """``[earlier, difference, later]`` -> one map.

    Args:
        dims: Channels of each map.
        out_dims: Channels of the fused map.
    """

    def __init__(self, dims: int, out_dims: int) -> None:
        super().__init__()
        self.difference = DateDifference(dims)
        self.fuse = nn.Sequential(
            nn.Conv2d(3 * dims, out_dims, 3, padding=1),
            nn.BatchNorm2d(out_dims),
            nn.ReLU(),
            nn.Conv2d(out_dims, out_dims, 1),
        )

    def forward(self, earlier: Tensor, later: Tensor) -> Tensor:
        """Fuse maps (B, dims, H, W) to (B, out_dims, H, W)."""
        difference = self.difference(earlier, later)
        return self.fuse(torch.cat([earlier, difference, later], dim=1))


class DateMerger(nn.Module):
    """Two maps -> the tokens that a caption is read from.

    A 1x1 convolution joins the dates, a bottleneck of convolutions is added.

    Args:
        dims: Channels of each map and of the tokens.
    """

    def __init__(self, dims: int) -> None:
        super().__init__()
        half = dims // 2
        self.join = nn.Conv2d(2 * dims, dims, 1)
        self.bottleneck = nn.Sequential(
            nn.Conv2d(dims, half, 1),
            nn.BatchNorm2d(half),
            nn.ReLU(),
            nn.Conv2d(half, half, 3, padding=1),
            nn.BatchNorm2d(half),
            nn.ReLU(),
            nn.Conv2d(half, dims, 1),
            nn.BatchNorm2d(dims),
        )

    def forward(self, earlier: Tensor, later: Tensor) -> Tensor:
        """Merge maps (B, C, H, W) to tokens (B, H W, C), row by row."""
        x = self.join(torch.cat([earlier, later], dim=1))
        x = F.relu(x + self.bottleneck(x))
        return x.flatten(2).transpose(1, 2)


def feed_forward(dims: int, hidden: int, dropout: float) -> nn.Sequential:
    """Two linear layers with a ReLU between, each followed by dropout."""
    return nn.Sequential(
        nn.Linear(dims, hidden),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, dims),
        nn.Dropout(dropout),
    )


@MODELS.register_module()
class KeepMaps(BaseModule):
    """The mask neck of a network that needs none."""

    def forward(self, maps_a: Maps, maps_b: Maps) -> tuple[Maps, Maps]:
        """Return the maps of both dates as they are."""
        return maps_a, maps_b


def replace_map(maps: Maps, level: int, new: Tensor) -> Maps:
    """Put another map into a tuple of maps."""
    maps = list(maps)
    maps[level] = new
    return tuple(maps)
