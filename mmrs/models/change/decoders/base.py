"""What the decoders that write captions share."""

import math
from abc import ABC, abstractmethod
from typing import Generic, TypeVar

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrs.errors import InputError
from mmrs.utils.settings import check_number

State = TypeVar('State')


class CaptionDecoder(BaseModule, ABC, Generic[State]):
    """Base of decoders: words so far and visual tokens -> the next word.

    There are two ways to run one. ``forward`` sees whole sentences, to train.
    ``start``, ``step`` and ``reorder`` go word by word, to write: what was
    computed of the visual tokens and of earlier words is kept in a state. Both
    give the same scores. The state has a row a sentence; the rows of an image
    are side by side and as many as those of any other image, so that they
    share what is computed of its tokens. States are changed in place: only
    the latest one may be used.

    Args:
        embed_dims: Channels of words and of visual tokens, even.
        num_words: Size of the vocabulary.
        max_length: The most words that are read.
        dropout: Chance to drop a value in training.
        init_cfg: As of MMEngine's `BaseModule`.
    """

    def __init__(
        self,
        embed_dims: int,
        num_words: int,
        max_length: int,
        dropout: float = 0.1,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        sizes = dict(num_words=num_words, max_length=max_length)
        for name, size in sizes.items():
            check_number(name, size, 1)
        check_number('dropout', dropout, 0, 1)
        self.embed_dims = embed_dims
        self.num_words = num_words
        self.max_length = max_length
        self.vocab_embedding = nn.Embedding(num_words, embed_dims)
        self.dropout = nn.Dropout(dropout)
        self.wdc = nn.Linear(embed_dims, num_words)
        positions = sinusoidal_positions(max_length, embed_dims)
        self.register_buffer('positions', positions, persistent=False)
        nn.init.uniform_(self.vocab_embedding.weight, -0.1, 0.1)
        nn.init.uniform_(self.wdc.weight, -0.1, 0.1)
        nn.init.zeros_(self.wdc.bias)

    @abstractmethod
    def forward(self, ids: Tensor, tokens: Tensor) -> Tensor:
        """Score the words that follow every word of sentences.

        Args:
            ids: (B, T) int64, from ``<START>``, padded with ``<NULL>``.
            tokens: Visual tokens (B, N, embed_dims).

        Returns:
            (B, T, num_words), before softmax.
        """

    @abstractmethod
    def start(self, tokens: Tensor) -> State:
        """Read the visual tokens (B, N, embed_dims): B rows, no words yet."""

    @abstractmethod
    def step(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Read one more word of each row.

        Args:
            ids: (R,) int64, ``<START>`` in the first step.
            state: Of R rows.

        Returns:
            Scores of the next words (R, num_words), and the new state.
        """

    @abstractmethod
    def reorder(self, state: State, index: Tensor) -> State:
        """Go on with other rows.

        Args:
            state: Of R rows.
            index: (B', beams) int64: the rows that go on, those of an image
                in one line. An image of no line is left out.

        Returns:
            A state of B' * beams rows.
        """

    def embed_words(self, ids: Tensor, first: int = 0) -> Tensor:
        """Embed words (B, T), the first one at position `first`."""
        positions = self.positions[first : first + ids.shape[1]]
        return self.dropout(self.vocab_embedding(ids) + positions)

    def score_words(self, x: Tensor) -> Tensor:
        """Map features (..., embed_dims) to scores (..., num_words)."""
        return self.wdc(self.dropout(x))


def sinusoidal_positions(length: int, dims: int) -> Tensor:
    """Tabulate sines and cosines of positions (arXiv 1706.03762).

    Returns:
        (length, dims), sines and cosines in turn.

    Raises:
        InputError: `dims` is odd.
    """
    if dims < 2 or dims % 2:
        raise InputError(f'embed_dims must be even, got {dims}')
    rates = torch.exp(torch.arange(0, dims, 2) * (-math.log(1e4) / dims))
    angles = torch.arange(length).unsqueeze(1) * rates
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)
