"""Attention between two dates, and the necks made of it."""

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrs.models.change.bi3 import BI3Layer
from mmrs.models.change.layers import (
    AxisPositions,
    DateMerger,
    Maps,
    feed_forward,
    replace_map,
)
from mmrs.models.layers.heads import check_heads
from mmrs.models.layers.init import init_xavier
from mmrs.registry import MODELS
from mmrs.utils.settings import check_choice


class CrossDateLayer(nn.Module):
    """The places of one date attend to those of the other.

    ``y = LN(own + MHA(own, other))``, ``y = LN(y + FFN(y))``.

    Args:
        dims: Channels of the maps.
        heads: Attention heads.
        hidden: Channels of the feed-forward layer.
        dropout: Of the attention's weights, its output, and both layers of
            the feed-forward part.
    """

    def __init__(
        self,
        dims: int = 512,
        heads: int = 8,
        hidden: int = 2048,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        check_heads(heads, dims)
        self.dropout = dropout
        self.attn = nn.MultiheadAttention(
            dims, heads, dropout, batch_first=True
        )
        self.norm1 = nn.LayerNorm(dims)
        self.ffn = feed_forward(dims, hidden, dropout)
        self.norm2 = nn.LayerNorm(dims)

    def forward(self, own: Tensor, other: Tensor) -> Tensor:
        """Update `own` by `other`, both (B, C, H, W)."""
        size = own.shape[2:]
        own, other = (x.flatten(2).transpose(1, 2) for x in (own, other))
        seen = self.attn(own, other, other, need_weights=False)[0]
        y = self.norm1(own + F.dropout(seen, self.dropout, self.training))
        y = self.norm2(y + self.ffn(y))
        return y.transpose(1, 2).unflatten(2, size)


_LAYERS = dict(cross=CrossDateLayer, bi3=BI3Layer)


class CrossDate(nn.Module):
    """A stack of layers, each with weights of its own for either date.

    In each step both dates are updated from what they were before it.

    Args:
        dims: Channels of the maps.
        num_layers: Steps.
        layer: ``'cross'`` (:class:`CrossDateLayer`) or ``'bi3'`` (MCI's).
        **kwargs: Of the layers: `heads`, `hidden`, `dropout`.

    Raises:
        InputError: There is no layer of this name.
    """

    def __init__(
        self, dims: int, num_layers: int, layer: str = 'cross', **kwargs
    ) -> None:
        super().__init__()
        check_choice('layer', layer, _LAYERS)
        self.layers = nn.ModuleList(
            nn.ModuleList(_LAYERS[layer](dims, **kwargs) for _ in range(2))
            for _ in range(num_layers)
        )

    def forward(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        """Update the maps of both dates, (B, C, H, W) each."""
        for layer_a, layer_b in self.layers:
            a, b = layer_a(a, b), layer_b(b, a)
        return a, b


@MODELS.register_module()
class CrossDateMaskNeck(BaseModule):
    """Lets the dates see each other on one level of the mask branch.

    Args:
        dims: Channels of that level behind the neck.
        num_layers: As of :class:`CrossDate`, like `layer`.
        layer: Likewise.
        in_channels: Channels of the backbone's map; a 1x1 convolution brings
            them to `dims` where they differ.
        level: Which of the backbone's maps is refined.
        init_cfg: As of MMEngine's `BaseModule`.
        **kwargs: Of the layers: `heads`, `hidden`, `dropout`.
    """

    def __init__(
        self,
        dims: int = 512,
        num_layers: int = 1,
        layer: str = 'cross',
        in_channels: int | None = None,
        level: int = -1,
        init_cfg: dict | None = None,
        **kwargs,
    ) -> None:
        super().__init__(init_cfg)
        self.level = level
        self.project = _projection(in_channels or dims, dims)
        self.cross = CrossDate(dims, num_layers, layer, **kwargs)
        init_xavier(self)

    def forward(self, maps_a: Maps, maps_b: Maps) -> tuple[Maps, Maps]:
        """Replace one map of each date by the refined one."""
        a, b = self.cross(
            self.project(maps_a[self.level]), self.project(maps_b[self.level])
        )
        return (
            replace_map(maps_a, self.level, a),
            replace_map(maps_b, self.level, b),
        )


@MODELS.register_module()
class CrossDateCaptionNeck(BaseModule):
    """Positions and layers between the dates; then tokens of both.

    Args:
        dims: Channels of the tokens.
        num_layers: As of :class:`CrossDate`, like `layer`.
        layer: Likewise.
        in_channels: As of :class:`CrossDateMaskNeck`, like `level`.
        level: Likewise.
        position_size: As `size` of
            :class:`~mmrs.models.change.layers.AxisPositions`.
        init_cfg: As of MMEngine's `BaseModule`.
        **kwargs: Of the layers: `heads`, `hidden`, `dropout`.
    """

    def __init__(
        self,
        dims: int = 512,
        num_layers: int = 3,
        layer: str = 'cross',
        in_channels: int | None = None,
        level: int = -1,
        position_size: int = 16,
        init_cfg: dict | None = None,
        **kwargs,
    ) -> None:
        super().__init__(init_cfg)
        self.level = level
        self.project = _projection(in_channels or dims, dims)
        self.positions = AxisPositions(dims, position_size)
        self.cross = CrossDate(dims, num_layers, layer, **kwargs)
        init_xavier(self)
        self.merge = DateMerger(dims)

    def interact(self, maps_a: Maps, maps_b: Maps) -> tuple[Tensor, Tensor]:
        """Refine the maps of both dates, (B, dims, H, W) each."""
        a, b = (
            self.positions(self.project(maps[self.level]))
            for maps in (maps_a, maps_b)
        )
        return self.cross(a, b)

    def forward(self, maps_a: Maps, maps_b: Maps) -> Tensor:
        """Make tokens (B, H W, dims) of the maps of both dates."""
        return self.merge(*self.interact(maps_a, maps_b))


def _projection(in_channels: int, dims: int) -> nn.Module:
    if in_channels == dims:
        return nn.Identity()
    return nn.Conv2d(in_channels, dims, 1)
