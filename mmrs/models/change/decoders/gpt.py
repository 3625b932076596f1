"""A GPT-2 that writes behind the visual tokens."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmrs.models.layers.heads import check_heads
from mmrs.registry import MODELS
from mmrs.utils.settings import check_number

from .base import CaptionDecoder
from .caches import (
    WordCache,
    attend_images_and_words,
    merge_heads,
    rows_of_images,
    split_heads,
)

__all__ = ['PrefixGPTDecoder']


class GPTState(NamedTuple):
    """What is known of the sentences so far.

    Attributes:
        words: Keys and values of the words, of every block.
        images: Keys and values of the visual tokens, of every block,
            (B, heads, N, d) each; R is a multiple of B.
        rows: R.
    """

    words: WordCache
    images: list[tuple[Tensor, Tensor]]
    rows: int


@MODELS.register_module()
class PrefixGPTDecoder(CaptionDecoder):
    """Reads the visual tokens as if they were the first words.

    The GPT-style decoder of RSCaMa (arXiv 2404.18895): GPT-2's pre-norm block
    with its own learnt positions on top of the sinusoidal ones of words, and
    a norm behind. `num_layers` stacks complete models, each with positions.

    Args:
        embed_dims: Channels of words and of visual tokens, even.
        num_words: Size of the vocabulary.
        max_length: The most words that are read.
        num_layers: Models of one block.
        heads: Attention heads.
        num_positions: Learnt positions: of visual tokens and words together.
        dropout: Of embeddings, of attention weights and of every sublayer.
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
        heads: int = 12,
        num_positions: int = 1024,
        dropout: float = 0.1,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(embed_dims, num_words, max_length, dropout, init_cfg)
        check_number('num_layers', num_layers, 1)
        check_number('num_positions', num_positions, 1)
        self.models = nn.ModuleList(
            GPTModel(embed_dims, heads, num_positions, dropout)
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
        x = torch.cat([tokens, self.embed_words(ids)], dim=1)
        for model in self.models:
            x, _, _ = model(x)
        return self.score_words(x[:, tokens.shape[1] :])

    def start(self, tokens: Tensor) -> GPTState:
        """Read the visual tokens (B, N, embed_dims): B rows, no words yet."""
        rows, images = len(tokens), []
        for model in self.models:
            tokens, keys, values = model(tokens)
            images.append((keys, values))
        words = WordCache(len(self.models), self.max_length, rows, tokens)
        return GPTState(words, images, rows)

    def step(self, ids: Tensor, state: GPTState) -> tuple[Tensor, GPTState]:
        """Read one more word of each row.

        Args:
            ids: (R,) int64, ``<START>`` in the first step.
            state: Of R rows.

        Returns:
            Scores of the next words (R, num_words), and the new state.
        """
        position = state.words.length
        x = self.embed_words(ids.unsqueeze(1), position).squeeze(1)
        for i, model in enumerate(self.models):
            x = model.step(x, i, state.words, *state.images[i])
        state.words.advance()
        return self.score_words(x), state

    def reorder(self, state: GPTState, index: Tensor) -> GPTState:
        """Go on with other rows, (B', beams) of them."""
        images = state.images
        kept = rows_of_images(index, state.rows // len(images[0][0]))
        if len(kept) != len(images[0][0]):  # some images are done
            images = [(k[kept], v[kept]) for k, v in images]
        state.words.reorder(index.flatten())
        return GPTState(state.words, images, index.numel())


class GPTModel(nn.Module):
    """Positions, one block of GPT-2, and a norm.

    Args:
        dims: Channels.
        heads: Attention heads.
        num_positions: Learnt positions.
        dropout: Of embeddings, of attention weights and of every sublayer.
    """

    def __init__(
        self, dims: int, heads: int, num_positions: int, dropout: float
    ) -> None:
        super().__init__()
        check_heads(heads, dims)
        self.heads = heads
        self.rate = dropout
        self.wpe = nn.Embedding(num_positions, dims)
        self.ln_1 = nn.LayerNorm(dims)
        self.c_attn = nn.Linear(dims, 3 * dims)
        self.c_proj = nn.Linear(dims, dims)
        self.ln_2 = nn.LayerNorm(dims)
        self.mlp = nn.Sequential(
            nn.Linear(dims, 4 * dims),
            nn.GELU(approximate='tanh'),
            nn.Linear(4 * dims, dims),
            nn.Dropout(dropout),
        )
        self.ln_f = nn.LayerNorm(dims)
        self.dropout = nn.Dropout(dropout)
        self._init()

    def _init(self) -> None:
        """Draw the weights as GPT-2 does, for one block."""
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)
        # What is added to the stream, twice a block, starts smaller.
        for last in (self.c_proj, self.mlp[2]):
            nn.init.normal_(last.weight, std=0.02 / 2**0.5)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Read a sequence from its start.

        Args:
            x: (B, T, D).

        Returns:
            Features (B, T, D), keys and values (B, heads, T, d).
        """
        x = self.dropout(x + self.wpe.weight[: x.shape[1]])
        query, keys, values = (
            split_heads(part, self.heads)
            for part in self.c_attn(self.ln_1(x)).chunk(3, dim=2)
        )
        seen = F.scaled_dot_product_attention(
            query,
            keys,
            values,
            dropout_p=self.rate if self.training else 0.0,
            is_causal=True,
        )
        return self._finish(x, merge_heads(seen)), keys, values

    def step(
        self,
        x: Tensor,
        layer: int,
        words: WordCache,
        image_keys: Tensor,
        image_values: Tensor,
    ) -> Tensor:
        """Read the newest word of each row (R, D)."""
        prefix = image_keys.shape[2]
        x = x + self.wpe.weight[prefix + words.length]
        query, *newest = self.c_attn(self.ln_1(x)).chunk(3, dim=1)
        earlier = words.append(layer, *newest)
        seen = attend_images_and_words(
            query, (image_keys, image_values), earlier
        )
        return self._finish(x, seen)

    def _finish(self, x: Tensor, seen: Tensor) -> Tensor:
        x = x + self.dropout(self.c_proj(seen))
        return self.ln_f(x + self.mlp(self.ln_2(x)))
