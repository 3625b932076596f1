"""From SAM's hidden states to a feature pyramid.

Source: RSPrompter, arXiv 2306.16269, and the authors' release, from
which the recursion of the aggregator is taken where the two differ.
"""

from collections.abc import Sequence

import torch.nn.functional as F
from mmengine.model import BaseModule
from segment_anything.modeling.common import LayerNorm2d
from torch import Tensor, nn

from mmrs.models.sam import SamArch, get_arch
from mmrs.registry import MODELS


def _conv_bn_relu(in_channels: int, out_channels: int, kernel: int) -> list:
    return [
        nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    ]


@MODELS.register_module()
class RSFeatureAggregator(BaseModule):
    """Fuse hidden states of the encoder, from the first to the last.

    Every selected state is reduced to ``hidden_channels``, added to the sum
    so far, and passed through a residual convolution.

    Args:
        sam_arch: Name or sizes of the SAM encoder.
        hidden_channels: Width of the reduced states.
        out_channels: Width of the fused map.
        select_layers: Indices into the hidden states (0 is the state before
            the first block). By default every second block from the first,
            the best choice of the paper's ablation.
    """

    def __init__(
        self,
        sam_arch: str | dict | SamArch,
        hidden_channels: int = 32,
        out_channels: int = 256,
        select_layers: Sequence[int] | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        arch = get_arch(sam_arch)
        self.select_layers = list(select_layers or range(1, arch.depth + 1, 2))
        self.downconvs = nn.ModuleList(
            nn.Sequential(
                *_conv_bn_relu(arch.embed_dim, hidden_channels, 1),
                *_conv_bn_relu(hidden_channels, hidden_channels, 3),
            )
            for _ in self.select_layers
        )
        self.hidden_convs = nn.ModuleList(
            nn.Sequential(*_conv_bn_relu(hidden_channels, hidden_channels, 3))
            for _ in self.select_layers
        )
        self.fusion_conv = nn.Sequential(
            *_conv_bn_relu(hidden_channels, out_channels, 1),
            *_conv_bn_relu(out_channels, out_channels, 3),
            nn.Conv2d(out_channels, out_channels, 3, padding=1),
        )

    def forward(
        self, image_embeddings: Tensor, hidden_states: Sequence[Tensor]
    ) -> Tensor:
        """Fuse the selected hidden states.

        Args:
            image_embeddings: Not used; every aggregator is called alike.
            hidden_states: Token maps, each (B, h, w, E).

        Returns:
            (B, out_channels, h, w).
        """
        fused = 0
        for layer, down, hidden in zip(
            self.select_layers, self.downconvs, self.hidden_convs
        ):
            fused = fused + down(hidden_states[layer].permute(0, 3, 1, 2))
            fused = fused + hidden(fused)
        return self.fusion_conv(fused)


@MODELS.register_module()
class PseudoFeatureAggregator(BaseModule):
    """Use the image embedding alone, as the LoRA variants do.

    Args:
        in_channels: Channels of the image embedding.
        hidden_channels: Width inside.
        out_channels: Width of the result.
    """

    def __init__(
        self,
        in_channels: int = 256,
        hidden_channels: int = 512,
        out_channels: int = 256,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.channel_fusion = nn.Sequential(
            nn.Conv2d(in_channels, hidden_channels, 1, bias=False),
            LayerNorm2d(hidden_channels),
            nn.Conv2d(
                hidden_channels, hidden_channels, 3, padding=1, bias=False
            ),
            LayerNorm2d(hidden_channels),
            nn.Conv2d(hidden_channels, out_channels, 3, padding=1, bias=False),
            LayerNorm2d(out_channels),
        )

    def forward(
        self, image_embeddings: Tensor, hidden_states: Sequence[Tensor]
    ) -> Tensor:
        """Map the embedding (B, C, h, w) to (B, out_channels, h, w)."""
        return self.channel_fusion(image_embeddings)


class _ConvNorm(nn.Module):
    """Convolution without bias and LayerNorm2d, named as mmcv names them."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int):
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels,
            out_channels,
            kernel,
            padding=kernel // 2,
            bias=False,
        )
        self.norm_layer = LayerNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm_layer(self.conv(x))


@MODELS.register_module()
class RSSimpleFPN(BaseModule):
    """Split one map into a pyramid of five levels, as ViTDet does.

    Args:
        in_channels: Channels of the map.
        out_channels: Channels of every level.
    """

    def __init__(
        self,
        in_channels: int = 256,
        out_channels: int = 256,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        half, quarter = in_channels // 2, in_channels // 4
        self.fpn1 = nn.Sequential(
            nn.ConvTranspose2d(in_channels, half, 2, 2),
            LayerNorm2d(half),
            nn.GELU(),
            nn.ConvTranspose2d(half, quarter, 2, 2),
        )
        self.fpn2 = nn.Sequential(nn.ConvTranspose2d(in_channels, half, 2, 2))
        self.fpn3 = nn.Sequential(nn.Identity())
        self.fpn4 = nn.Sequential(nn.MaxPool2d(2, 2))
        self.lateral_convs = nn.ModuleList(
            _ConvNorm(channels, out_channels, 1)
            for channels in (quarter, half, in_channels, in_channels)
        )
        self.fpn_convs = nn.ModuleList(
            _ConvNorm(out_channels, out_channels, 3) for _ in range(4)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Split (B, C, h, w) into levels of 4, 2, 1, 1/2 and 1/4 its size."""
        inputs = (self.fpn1(x), self.fpn2(x), self.fpn3(x), self.fpn4(x))
        levels = [
            fpn(lateral(level))
            for level, lateral, fpn in zip(
                inputs, self.lateral_convs, self.fpn_convs
            )
        ]
        levels.append(F.max_pool2d(levels[-1], 1, stride=2))
        return tuple(levels)


@MODELS.register_module()
class RSFPN(BaseModule):
    """Aggregate SAM's features into one map, then split it into a pyramid.

    Args:
        feature_aggregator: Config of the aggregator.
        feature_spliter: Config of the pyramid (the authors' spelling, which
            their checkpoints hold).
    """

    def __init__(
        self,
        feature_aggregator: dict,
        feature_spliter: dict,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.feature_aggregator = MODELS.build(feature_aggregator)
        self.feature_spliter = MODELS.build(feature_spliter)

    def forward(
        self, image_embeddings: Tensor, hidden_states: Sequence[Tensor]
    ) -> tuple[Tensor, ...]:
        """Return five levels (B, out_channels, h_i, w_i), finest first."""
        return self.feature_spliter(
            self.feature_aggregator(image_embeddings, hidden_states)
        )
