"""A Mamba that writes behind the visual tokens."""

import torch
from torch import Tensor, nn

from mmrs.models.layers import MambaMixer, MambaState, RMSNorm
from mmrs.registry import MODELS
from mmrs.utils.settings import check_number

from .base import CaptionDecoder

__all__ = ['PrefixMambaDecoder']


@MODELS.register_module()
class PrefixMambaDecoder(CaptionDecoder):
    """Reads the visual tokens as if they were the first words.

    The Mamba decoder of RSCaMa (arXiv 2404.18895). Its state is of the same
    size however long a sentence is. `num_layers` stacks complete models: a
    norm, a mixer, and a norm behind.

    Args:
        embed_dims: Channels of words and of visual tokens, even.
        num_words: Size of the vocabulary.
        max_length: The most words that are read.
        num_layers: Models of one mixer.
        state_dims: States of each channel of the scan.
        dropout: Of words and of the features that words are scored by.
        init_cfg: As of MMEngine's `BaseModule`.
    """

    def __init__(
        self,
        embed_dims: int,
        num_words: int,
        max_length: int,
        num_layers: int = 1,
        state_dims: int = 16,
        dropout: float = 0.1,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(embed_dims, num_words, max_length, dropout, init_cfg)
        check_number('num_layers', num_layers, 1)
        self.models = nn.ModuleList(
            MambaModel(embed_dims, state_dims) for _ in range(num_layers)
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
            x = model(x)
        return self.score_words(x[:, tokens.shape[1] :])

    def start(self, tokens: Tensor) -> tuple[int, list[MambaState]]:
        """Read the visual tokens (B, N, embed_dims): B rows, no words yet."""
        states = []
        for model in self.models:
            tokens, state = model.start(tokens)
            states.append(state)
        return 0, states

    def step(
        self, ids: Tensor, state: tuple[int, list[MambaState]]
    ) -> tuple[Tensor, tuple[int, list[MambaState]]]:
        """Read one more word of each row.

        Args:
            ids: (R,) int64, ``<START>`` in the first step.
            state: Of R rows: words so far, and the state of each model.

        Returns:
            Scores of the next words (R, num_words), and the new state.
        """
        position, states = state
        x = self.embed_words(ids.unsqueeze(1), position).squeeze(1)
        for model, of_model in zip(self.models, states):
            x = model.step(x, of_model)
        return self.score_words(x), (position + 1, states)

    def reorder(
        self, state: tuple[int, list[MambaState]], index: Tensor
    ) -> tuple[int, list[MambaState]]:
        """Go on with other rows, (B', beams) of them."""
        position, states = state
        rows = index.flatten()
        return position, [
            MambaState(*(part[rows] for part in of_model))
            for of_model in states
        ]


class MambaModel(nn.Module):
    """A mixer behind a norm, added to its input, and a norm.

    Args:
        dims: Channels.
        state_dims: States of each channel of the scan.
    """

    def __init__(self, dims: int, state_dims: int) -> None:
        super().__init__()
        self.norm = RMSNorm(dims)
        self.mixer = MambaMixer(dims, state_dims=state_dims)
        self.norm_f = RMSNorm(dims)

    def forward(self, x: Tensor) -> Tensor:
        """Read sequences (B, T, D)."""
        return self.norm_f(x + self.mixer(self.norm(x)))

    def start(self, x: Tensor) -> tuple[Tensor, MambaState]:
        """Read sequences (B, T, D); return what goes on behind them, too."""
        y, state = self.mixer.start(self.norm(x))
        return self.norm_f(x + y), state

    def step(self, x: Tensor, state: MambaState) -> Tensor:
        """Read one more token of each sequence (B, D)."""
        return self.norm_f(x + self.mixer.step(self.norm(x), state))
