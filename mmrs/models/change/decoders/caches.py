"""Memories of decoders that write word by word."""

import torch
import torch.nn.functional as F
from torch import Tensor


class WordCache:
    """Keys and values of the words that were read, of every layer.

    They are stored word by word, the rows of a word side by side, so that the
    part that is in use is one block of memory.

    Args:
        num_layers: Layers that attend to words.
        max_length: The most words.
        rows: Sentences.
        like: A tensor whose last axis is that of keys and values; its dtype
            and device are taken, too.
    """

    def __init__(
        self, num_layers: int, max_length: int, rows: int, like: Tensor
    ) -> None:
        shape = (num_layers, 2, max_length, rows, like.shape[-1])
        self._memory = like.new_empty(shape)
        self.length = 0

    def append(
        self, layer: int, keys: Tensor, values: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Store a word's keys and values (R, D) in a layer.

        Returns:
            Keys and values of all words up to this one, (T, R, D).
        """
        self._memory[layer, 0, self.length] = keys
        self._memory[layer, 1, self.length] = values
        return tuple(self._memory[layer, :, : self.length + 1])

    def advance(self) -> None:
        """Go to the next word, once all layers have stored theirs."""
        self.length += 1

    def reorder(self, index: Tensor) -> None:
        """Keep the rows of an index (R',), which may name a row twice."""
        used = self._memory[:, :, : self.length].index_select(3, index)
        if len(index) > self._memory.shape[3]:
            shape = (*self._memory.shape[:3], len(index), used.shape[-1])
            self._memory = self._memory.new_empty(shape)
        self._memory = self._memory[:, :, :, : len(index)]
        self._memory[:, :, : self.length] = used


def split_heads(x: Tensor, heads: int) -> Tensor:
    """(B, T, D) -> (B, heads, T, D / heads)."""
    return x.unflatten(2, (heads, -1)).transpose(1, 2)


def merge_heads(x: Tensor) -> Tensor:
    """(B, heads, T, d) -> (B, T, heads * d)."""
    return x.transpose(1, 2).flatten(2)


def attend_words(
    query: Tensor,
    keys: Tensor,
    values: Tensor,
    heads: int,
    visible: Tensor | None = None,
) -> Tensor:
    """Attend from the newest word of each row to the words so far.

    Args:
        query: (R, D).
        keys: (T, R, D), of a :class:`WordCache`.
        values: Likewise.
        heads: Attention heads.
        visible: (T, R) bool, words that may be looked at; None: all.

    Returns:
        (R, D).
    """
    query = query.unflatten(1, (heads, 1, -1))  # (R, heads, 1, d)
    keys, values = (
        x.unflatten(2, (heads, -1)).permute(1, 2, 0, 3) for x in (keys, values)
    )
    if visible is not None:
        visible = visible.T[:, None, None]
    return F.scaled_dot_product_attention(
        query, keys, values, visible
    ).flatten(1)


def attend_images_and_words(
    query: Tensor,
    images: tuple[Tensor, Tensor],
    words: tuple[Tensor, Tensor],
) -> Tensor:
    """Attend from the newest word of each row to its image and its words.

    The rows of an image share its keys and values, which are not copied.

    Args:
        query: (R, D).
        images: Keys and values (B, heads, N, d).
        words: Keys and values (T, R, D), of a :class:`WordCache`.

    Returns:
        (R, D).
    """
    count, heads, num_tokens, dims = images[0].shape
    # (B, heads, beams, d), and words as (B, heads, beams, T, d).
    query = query.view(count, -1, heads, dims).transpose(1, 2) * dims**-0.5
    keys, values = (
        x.view(len(x), count, -1, heads, dims).permute(1, 3, 2, 0, 4)
        for x in words
    )
    scores = torch.cat(
        [
            query @ images[0].transpose(2, 3),
            (keys @ query.unsqueeze(4)).squeeze(4),
        ],
        dim=3,
    )
    of_images, of_words = scores.softmax(3).split(
        [num_tokens, scores.shape[3] - num_tokens], dim=3
    )
    y = of_images @ images[1] + (of_words.unsqueeze(3) @ values).squeeze(3)
    return y.transpose(1, 2).flatten(0, 1).flatten(1)


def rows_of_images(index: Tensor, beams: int) -> Tensor:
    """The images (B',) that lines of rows (B', beams') are of.

    Args:
        index: As of ``CaptionDecoder.reorder``.
        beams: Rows an image that `index` counts in.
    """
    return torch.div(index[:, 0], beams, rounding_mode='floor')
