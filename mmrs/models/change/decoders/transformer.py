"""The Transformer that most change captioners write with."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmrs.models.layers.heads import check_heads
from mmrs.registry import MODELS
from mmrs.structures.vocabulary import END, NULL
from mmrs.utils.settings import check_number

from .base import CaptionDecoder
from .caches import (
    WordCache,
    attend_words,
    merge_heads,
    rows_of_images,
    split_heads,
)

__all__ = ['TransformerCaptionDecoder']


class TransformerState(NamedTuple):
    """What is known of the sentences so far.

    Attributes:
        words: Keys and values of the words, of every layer.
        visible: Which words may be looked at, (max_length, R) bool.
        images: Keys and values of the visual tokens of every layer,
            (B, heads, N, d) each; R is a multiple of B.
    """

    words: WordCache
    visible: Tensor
    images: list[tuple[Tensor, Tensor]]


@MODELS.register_module()
class TransformerCaptionDecoder(CaptionDecoder):
    """Words attend to earlier words and to the visual tokens.

    As in the releases of RSCaMa and MCI: a post-norm layer whose input is
    added once more behind its last norm. Positions are sinusoidal and added
    without scaling.

    Args:
        embed_dims: Channels of words and of visual tokens, even.
        num_words: Size of the vocabulary.
        max_length: The most words that are read.
        num_layers: Layers.
        heads: Attention heads.
        hidden: Channels of the feed-forward layers, by default 4
            `embed_dims`.
        dropout: Of words, of attention weights and of every sublayer.
        init_cfg: As of MMEngine's `BaseModule`.

    Raises:
        InputError: `embed_dims` is odd, or `heads` does not divide it.
    """

    def __init__(
        self,
        embed_dims: int,
        num_words: int,
        max_length: int,
        num_layers: int = 1,
        heads: int = 8,
        hidden: int | None = None,
        dropout: float = 0.1,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(embed_dims, num_words, max_length, dropout, init_cfg)
        check_number('num_layers', num_layers, 1)
        hidden = hidden or 4 * embed_dims
        self.layers = nn.ModuleList(
            _Layer(embed_dims, heads, hidden, dropout)
            for _ in range(num_layers)
        )

    def forward(self, ids: Tensor, tokens: Tensor) -> Tensor:
        """Score the words that follow every word of sentences.

        Args:
            ids: (B, T) int64, from ``<START>``, padded with ``<NULL>``.
            tokens: Visual tokens (B, N, embed_dims).

        Returns:
            (B, T, num_words), before softmax.
        """
        length = ids.shape[1]
        earlier = torch.ones(length, length, device=ids.device).tril().bool()
        is_word = (ids != NULL) & (ids != END)
        visible = (earlier & is_word.unsqueeze(1)).unsqueeze(1)
        x = self.embed_words(ids)
        for layer in self.layers:
            x = layer(x, tokens, visible)
        return self.score_words(x)

    def start(self, tokens: Tensor) -> TransformerState:
        """Read the visual tokens (B, N, embed_dims): B rows, no words yet."""
        rows = len(tokens)
        words = WordCache(len(self.layers), self.max_length, rows, tokens)
        visible = torch.ones(
            self.max_length, rows, dtype=torch.bool, device=tokens.device
        )
        images = [
            layer.multihead_attn.project(tokens) for layer in self.layers
        ]
        return TransformerState(words, visible, images)

    def step(
        self, ids: Tensor, state: TransformerState
    ) -> tuple[Tensor, TransformerState]:
        """Read one more word of each row.

        Args:
            ids: (R,) int64, ``<START>`` in the first step.
            state: Of R rows.

        Returns:
            Scores of the next words (R, num_words), and the new state.
        """
        position = state.words.length
        state.visible[position] = ids != NULL
        visible = state.visible[: position + 1]
        x = self.embed_words(ids.unsqueeze(1), position).squeeze(1)
        for i, layer in enumerate(self.layers):
            x = layer.step(x, i, state.words, visible, *state.images[i])
        state.words.advance()
        return self.score_words(x), state

    def reorder(
        self, state: TransformerState, index: Tensor
    ) -> TransformerState:
        """Go on with other rows, (B', beams) of them."""
        rows, images = index.flatten(), state.images
        beams = state.visible.shape[1] // len(images[0][0])
        kept = rows_of_images(index, beams)
        if len(kept) != len(images[0][0]):  # some images are done
            images = [(k[kept], v[kept]) for k, v in images]
        state.words.reorder(rows)
        return TransformerState(state.words, state.visible[:, rows], images)


class Attention(nn.Module):
    """Attention, its parameters named as those of `nn.MultiheadAttention`.

    Args:
        dims: Channels.
        heads: Attention heads.
        dropout: Of the attention weights.
    """

    def __init__(self, dims: int, heads: int, dropout: float) -> None:
        super().__init__()
        check_heads(heads, dims)
        self.heads = heads
        self.dropout = dropout
        self.in_proj_weight = nn.Parameter(torch.empty(3 * dims, dims))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * dims))
        self.out_proj = nn.Linear(dims, dims)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def query(self, x: Tensor) -> Tensor:
        """Queries (..., D) of features (..., D)."""
        dims = x.shape[-1]
        return F.linear(
            x, self.in_proj_weight[:dims], self.in_proj_bias[:dims]
        )

    def keys_values(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values (..., D) of features (..., D)."""
        dims = x.shape[-1]
        joined = F.linear(
            x, self.in_proj_weight[dims:], self.in_proj_bias[dims:]
        )
        return joined.chunk(2, dim=-1)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values (B, heads, N, d) of tokens (B, N, D)."""
        keys, values = self.keys_values(x)
        return split_heads(keys, self.heads), split_heads(values, self.heads)

    def attend(
        self,
        x: Tensor,
        keys: Tensor,
        values: Tensor,
        visible: Tensor | None = None,
    ) -> Tensor:
        """Attend from tokens (B, T, D) to keys (B, heads, N, d)."""
        query = split_heads(self.query(x), self.heads)
        rate = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(query, keys, values, visible, rate)
        return self.out_proj(merge_heads(y))


class _Layer(nn.Module):
    """Self-attention, cross-attention and a feed-forward layer."""

    def __init__(
        self, dims: int, heads: int, hidden: int, dropout: float
    ) -> None:
        super().__init__()
        self.self_attn = Attention(dims, heads, dropout)
        self.multihead_attn = Attention(dims, heads, dropout)
        self.linear1 = nn.Linear(dims, hidden)
        self.linear2 = nn.Linear(hidden, dims)
        self.norm1 = nn.LayerNorm(dims)
        self.norm2 = nn.LayerNorm(dims)
        self.norm3 = nn.LayerNorm(dims)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, tokens: Tensor, visible: Tensor) -> Tensor:
        """Update words (B, T, D) by words and visual tokens (B, N, D)."""
        own = self.self_attn
        seen = own.attend(x, *own.project(x), visible)
        y = self.norm1(x + self.dropout(seen))
        seen = self.multihead_attn.attend(
            y, *self.multihead_attn.project(tokens)
        )
        return self._feed_forward(x, self.norm2(y + self.dropout(seen)))

    def step(
        self,
        x: Tensor,
        layer: int,
        words: WordCache,
        visible: Tensor,
        keys: Tensor,
        values: Tensor,
    ) -> Tensor:
        """Update the newest word of each row (R, D)."""
        own = self.self_attn
        earlier = words.append(layer, *own.keys_values(x))
        seen = attend_words(own.query(x), *earlier, own.heads, visible)
        y = self.norm1(x + own.out_proj(seen))
        # The rows of an image are its queries, side by side.
        per_image = y.view(len(keys), -1, y.shape[1])
        seen = self.multihead_attn.attend(per_image, keys, values)
        return self._feed_forward(x, self.norm2(y + seen.view_as(y)))

    def _feed_forward(self, x: Tensor, y: Tensor) -> Tensor:
        hidden = self.dropout(F.relu(self.linear1(y)))
        # The layer's input is added behind the norm.
        return self.norm3(y + self.dropout(self.linear2(hidden))) + x
