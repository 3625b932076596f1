"""Bi-temporal iterative interaction (BI3), the layer of MCI's two necks.

Paper: Change-Agent, arXiv 2403.19646.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmrs.models.change.layers import feed_forward
from mmrs.models.layers.heads import check_heads


class LocalEnhancement(nn.Module):
    """Look around: three depthwise kernels, joined and added to the map.

    Args:
        dims: Channels of the map.
        momentum: Of the batch normalisation.
    """

    def __init__(self, dims: int, momentum: float = 0.1) -> None:
        super().__init__()

        def depthwise(height: int, width: int) -> nn.Module:
            size = (height, width)
            padding = (height // 2, width // 2)
            return nn.Conv2d(dims, dims, size, 1, padding, groups=dims)

        self.square = depthwise(3, 3)
        self.wide = depthwise(1, 5)
        self.tall = depthwise(5, 1)
        self.norm = nn.BatchNorm2d(3 * dims, momentum=momentum)
        self.proj = nn.Conv2d(3 * dims, dims, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Take and return (B, C, H, W)."""
        around = torch.cat([self.square(x), self.wide(x), self.tall(x)], dim=1)
        return x + self.proj(F.gelu(self.norm(around)))


class BI3Layer(nn.Module):
    """Updates one date by what the other shows differently.

    The places of one date attend to a map of the differences. The authors'
    code enhances the other date twice, for keys and for values, with the same
    result; here it is done once, and the normalisation moves as far in that
    one step as it does there in two.

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
        self.heads = heads
        self.dropout = dropout
        self.enhance_own = LocalEnhancement(dims)
        self.enhance_other = LocalEnhancement(dims, momentum=1 - 0.9**2)
        self.difference = nn.Sequential(
            nn.Conv2d(dims, dims, 1), nn.BatchNorm2d(dims), nn.ReLU()
        )
        self.q = nn.Linear(dims, dims)
        self.k = nn.Linear(dims, dims)
        self.v = nn.Linear(dims, dims)
        self.out = nn.Linear(dims, dims)
        self.norm1 = nn.LayerNorm(dims)
        self.ffn = feed_forward(dims, hidden, dropout)
        self.norm2 = nn.LayerNorm(dims)

    def forward(self, own: Tensor, other: Tensor) -> Tensor:
        """Update `own` by `other`, both (B, C, H, W).

        Returns:
            (B, C, H, W), normalised over the channels.
        """
        size = own.shape[2:]
        own, other = self.enhance_own(own), self.enhance_other(other)
        source = _tokens(self.difference(own * (other - own)))
        own = _tokens(own)
        y = self.norm1(own + self._attend(own, source))
        y = self.norm2(y + self.ffn(y))
        return y.transpose(1, 2).unflatten(2, size)

    def _attend(self, own: Tensor, source: Tensor) -> Tensor:
        query, key, value = (
            x.unflatten(2, (self.heads, -1)).transpose(1, 2)
            for x in (self.q(own), self.k(source), self.v(source))
        )
        rate = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(query, key, value, dropout_p=rate)
        y = self.out(y.transpose(1, 2).flatten(2))
        return F.dropout(y, self.dropout, self.training)


def _tokens(x: Tensor) -> Tensor:
    return x.flatten(2).transpose(1, 2)
