"""Where patches and class tokens are in a sequence."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mmrs.errors import InputError

#: Class tokens of each arrangement.
NUM_CLS_TOKENS = dict(none=0, head=1, tail=1, head_tail=2, middle=1)


class TokenLayout(NamedTuple):
    """A sequence of the patches of an image, row by row, and class tokens.

    Attributes:
        height: Rows of patches.
        width: Columns of patches.
        cls_position: ``'none'``, or where class tokens are: ``'head'``,
            ``'tail'``, ``'head_tail'`` (one at each end), or ``'middle'``
            (after the first half of the patches, rounded down).
    """

    height: int
    width: int
    cls_position: str = 'none'

    @property
    def num_patches(self) -> int:
        """Number of patches P."""
        return self.height * self.width

    @property
    def length(self) -> int:
        """Number of all tokens L."""
        return self.num_patches + len(self._cuts)

    @property
    def _cuts(self) -> tuple[int, ...]:
        """Numbers of patches before each class token."""
        num = self.num_patches
        return dict(
            none=(),
            head=(0,),
            tail=(num,),
            head_tail=(0, num),
            middle=(num // 2,),
        )[self.cls_position]

    def join(self, patches: Tensor, cls_tokens: Tensor) -> Tensor:
        """Put class tokens (B, E, ...) into patches (B, P, ...)."""
        first, *pieces = patches.tensor_split(self._cuts, dim=1)
        tokens = [first]
        for token, piece in zip(cls_tokens.split(1, dim=1), pieces):
            tokens += [token, piece]
        return torch.cat(tokens, dim=1)

    def separate(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Undo `join`: tokens (B, L, ...) -> patches, class tokens."""
        if not self._cuts:
            return tokens, tokens[:, :0]
        starts = [cut + i for i, cut in enumerate(self._cuts)]
        borders = [row for start in starts for row in (start, start + 1)]
        pieces = tokens.tensor_split(borders, dim=1)
        return torch.cat(pieces[::2], dim=1), torch.cat(pieces[1::2], dim=1)


def resize_positions(
    pos_embed: Tensor, old: TokenLayout, new: TokenLayout, mode: str
) -> Tensor:
    """Interpolate the patches' position embedding; class tokens' stays.

    Args:
        pos_embed: (1, L, d), laid out as `old`.
        old: Its layout.
        new: The wanted one, with the same class tokens.
        mode: As of :func:`torch.nn.functional.interpolate`.

    Returns:
        (1, L', d).
    """
    if old == new:
        return pos_embed
    patches, cls_tokens = old.separate(pos_embed)
    image = patches.transpose(1, 2).unflatten(2, (old.height, old.width))
    smooth = {} if mode == 'nearest' else dict(align_corners=False)
    image = F.interpolate(
        image.float(), (new.height, new.width), mode=mode, **smooth
    )
    patches = image.flatten(2).transpose(1, 2).to(pos_embed.dtype)
    return new.join(patches, cls_tokens)


def sine_positions(
    layout: TokenLayout, dims: int, temperature: float = 1e4
) -> Tensor:
    """Sines and cosines of column and row; zero for class tokens.

    Args:
        layout: Of the tokens.
        dims: Channels d, a multiple of four.
        temperature: The longest wave is 2 pi times this many patches.

    Returns:
        (1, L, d).
    """
    if dims % 4:
        raise InputError(
            f"pe_type='sine' needs embed_dims of a multiple of 4, got {dims}"
        )
    rates = temperature ** -(torch.arange(dims // 4) / (dims // 4))
    rows = torch.arange(layout.height)[:, None, None] * rates
    columns = torch.arange(layout.width)[:, None] * rates
    waves = [columns.sin(), columns.cos(), rows.sin(), rows.cos()]
    shape = (layout.height, layout.width, dims // 4)
    patches = torch.cat([wave.expand(shape) for wave in waves], dim=-1)
    num_cls_tokens = layout.length - layout.num_patches
    return layout.join(
        patches.flatten(0, 1)[None], torch.zeros(1, num_cls_tokens, dims)
    )
