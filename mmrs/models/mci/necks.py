"""The necks of MCI: how the two dates interact before they are read."""

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrs.models.change.bi3 import BI3Layer
from mmrs.models.change.layers import (
    AxisPositions,
    DateMerger,
    Maps,
    replace_map,
)
from mmrs.models.layers.init import init_xavier
from mmrs.registry import MODELS


class _BI3Stack(BaseModule):
    """Positions, and a pair of layers a step, one for each date.

    Args:
        dims: Channels of the map that is refined.
        num_layers: Steps.
        heads: Attention heads.
        hidden: Channels of the feed-forward layers.
        dropout: As of :class:`BI3Layer`.
        position_size: As `size` of :class:`AxisPositions`.
        level: Which of the backbone's maps is refined.
        init_cfg: As of MMEngine's `BaseModule`.
    """

    def __init__(
        self,
        dims: int = 512,
        num_layers: int = 3,
        heads: int = 8,
        hidden: int = 2048,
        dropout: float = 0.1,
        position_size: int = 16,
        level: int = -1,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.level = level
        self.positions = AxisPositions(dims, position_size)
        self.layers = nn.ModuleList(
            nn.ModuleList(
                BI3Layer(dims, heads, hidden, dropout) for _ in range(2)
            )
            for _ in range(num_layers)
        )
        init_xavier(self)


@MODELS.register_module()
class BI3CaptionNeck(_BI3Stack):
    """Refines both dates at once, and merges them to tokens.

    In each step both dates are updated from what they were before it.

    Takes the arguments of a stack of BI3 layers: `dims`, `num_layers`,
    `heads`, `hidden`, `dropout`, `position_size`, `level`, `init_cfg`.
    """

    def __init__(self, dims: int = 512, **kwargs) -> None:
        super().__init__(dims, **kwargs)
        self.merge = DateMerger(dims)

    def interact(self, maps_a: Maps, maps_b: Maps) -> tuple[Tensor, Tensor]:
        """Refine the maps of both dates, (B, C, H, W) each."""
        a = self.positions(maps_a[self.level])
        b = self.positions(maps_b[self.level])
        for layer_a, layer_b in self.layers:
            a, b = layer_a(a, b), layer_b(b, a)
        return a, b

    def forward(self, maps_a: Maps, maps_b: Maps) -> Tensor:
        """Make tokens (B, H W, C) of the maps of both dates."""
        return self.merge(*self.interact(maps_a, maps_b))


@MODELS.register_module()
class BI3MaskNeck(_BI3Stack):
    """Refines the dates in turn, each step added to the map.

    The later date is updated by the earlier one as it is after its update.

    Takes the arguments of a stack of BI3 layers: `dims`, `num_layers`,
    `heads`, `hidden`, `dropout`, `position_size`, `level`, `init_cfg`.
    """

    def forward(self, maps_a: Maps, maps_b: Maps) -> tuple[Maps, Maps]:
        """Replace one map of each date by the refined one."""
        a = self.positions(maps_a[self.level])
        b = self.positions(maps_b[self.level])
        for layer_a, layer_b in self.layers:
            a = layer_a(a, b) + a
            b = layer_b(b, a) + b
        return (
            replace_map(maps_a, self.level, a),
            replace_map(maps_b, self.level, b),
        )
