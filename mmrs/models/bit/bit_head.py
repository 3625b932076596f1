"""The Bitemporal Image Transformer (BIT), a detector of binary change.

Paper: Chen, Qi and Shi, IEEE TGRS 2022, arXiv 2103.00208; sizes of the BIT-R18
of Open-CD. Here it is the teacher that draws pseudo-labels.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmrs.models.change.layers import Maps
from mmrs.models.change.mask_head import MaskHead
from mmrs.registry import MODELS


@MODELS.register_module()
class BITHead(MaskHead):
    """A few tokens of each date meet, and are given back to the pixels.

    A date's map is summed up in tokens by learnt weights; the tokens of both
    dates attend to each other; the pixels of each date attend to its tokens.
    The difference of the dates is classified.

    Args:
        in_channels: Channels of the backbone's last map.
        num_classes: Classes of a pixel.
        dims: Channels of pixels and tokens.
        num_tokens: Tokens of a date.
        heads: Attention heads.
        attention_dims: Channels of all heads together.
        hidden: Channels of the feed-forward layers.
        encoder_layers: Of the tokens.
        decoder_layers: Of the pixels.
        dropout: Of the difference.
        **kwargs: As of :class:`~mmrs.models.change.mask_head.MaskHead`.

    Shape:
        - Input: maps of both dates; the last one (B, in_channels, h, w) is 8
          times smaller than the image.
        - Output: (B, num_classes, 8 h, 8 w).
    """

    def __init__(
        self,
        in_channels: int = 256,
        num_classes: int = 2,
        dims: int = 32,
        num_tokens: int = 4,
        heads: int = 8,
        attention_dims: int = 64,
        hidden: int = 64,
        encoder_layers: int = 1,
        decoder_layers: int = 8,
        dropout: float = 0.1,
        **kwargs,
    ) -> None:
        super().__init__(num_classes, **kwargs)
        sizes = (dims, heads, attention_dims, hidden)
        self.reduce = nn.Conv2d(in_channels, dims, 3, padding=1)
        self.choose = nn.Conv2d(dims, num_tokens, 1)
        self.positions = nn.Parameter(torch.randn(1, 2 * num_tokens, dims))
        self.encoder = nn.ModuleList(
            _Layer(*sizes) for _ in range(encoder_layers)
        )
        self.decoder = nn.ModuleList(
            _Layer(*sizes, other=True) for _ in range(decoder_layers)
        )
        self.dropout = nn.Dropout2d(dropout)
        self.classify = nn.Conv2d(dims, num_classes, 1)

    def forward(self, maps_a: Maps, maps_b: Maps) -> Tensor:
        """Classify each pixel."""
        dates = [self._pixels(maps[-1]) for maps in (maps_a, maps_b)]
        tokens = torch.cat([self._tokens(x) for x in dates], dim=1)
        tokens = tokens + self.positions
        for layer in self.encoder:
            tokens = layer(tokens)
        a, b = (
            self._decode(x, own)
            for x, own in zip(dates, tokens.chunk(2, dim=1))
        )
        # A 1x1 convolution may come before the enlargement: both are linear.
        scores = self.classify(self.dropout((a - b).abs()))
        return F.interpolate(scores, scale_factor=4, mode='bilinear')

    def _pixels(self, x: Tensor) -> Tensor:
        x = F.interpolate(x, scale_factor=2, mode='bilinear')
        return F.relu(self.reduce(x))

    def _tokens(self, x: Tensor) -> Tensor:
        """Sum a map (B, C, H, W) up in tokens (B, num_tokens, C)."""
        weights = F.relu(self.choose(x)).flatten(2).softmax(2)
        return weights @ x.flatten(2).transpose(1, 2)

    def _decode(self, x: Tensor, tokens: Tensor) -> Tensor:
        pixels = x.flatten(2).transpose(1, 2)
        for layer in self.decoder:
            pixels = layer(pixels, tokens)
        return pixels.transpose(1, 2).unflatten(2, x.shape[2:])


class _Layer(nn.Module):
    """Attention and a feed-forward layer, both behind a norm, both added.

    Args:
        dims: Channels.
        heads: Attention heads.
        attention_dims: Channels of all heads together.
        hidden: Channels of the feed-forward layer.
        other: Attend to other tokens, which get a norm of their own.
    """

    def __init__(
        self,
        dims: int,
        heads: int,
        attention_dims: int,
        hidden: int,
        other: bool = False,
    ) -> None:
        super().__init__()
        self.heads = heads
        self.scale = dims**-0.5  # of the channels, not of those of a head
        self.norm1 = nn.LayerNorm(dims)
        self.norm_other = nn.LayerNorm(dims) if other else None
        self.q = nn.Linear(dims, attention_dims, bias=False)
        self.k = nn.Linear(dims, attention_dims, bias=False)
        self.v = nn.Linear(dims, attention_dims, bias=False)
        self.out = nn.Linear(attention_dims, dims)
        self.norm2 = nn.LayerNorm(dims)
        self.ffn = nn.Sequential(
            nn.Linear(dims, hidden), nn.ReLU(), nn.Linear(hidden, dims)
        )

    def forward(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        """Update tokens (B, N, C), by `other` (B, M, C) or by themselves."""
        own = self.norm1(x)
        source = own if other is None else self.norm_other(other)
        query, key, value = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2)
            for part in (self.q(own), self.k(source), self.v(source))
        )
        y = F.scaled_dot_product_attention(query, key, value, scale=self.scale)
        x = x + self.out(y.transpose(1, 2).flatten(2))
        return x + self.ffn(self.norm2(x))
