"""Position tables of SAM's encoder at another input size."""

import torch.nn.functional as F
from torch import Tensor


def resize_pos_embed(pos_embed: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize absolute positions `(1, h, w, C)` to another grid."""
    if pos_embed.shape[1:3] == size:
        return pos_embed
    resized = F.interpolate(
        pos_embed.float().permute(0, 3, 1, 2),
        size,
        mode='bicubic',
        align_corners=False,
    )
    return resized.permute(0, 2, 3, 1).to(pos_embed.dtype)


def resize_rel_pos(rel_pos: Tensor, length: int) -> Tensor:
    """Resize a table of relative positions `(2 * S - 1, d)` along S."""
    if len(rel_pos) == length:
        return rel_pos
    resized = F.interpolate(
        rel_pos.float().t()[None],
        length,
        mode='linear',
        align_corners=False,
    )
    return resized[0].t().to(rel_pos.dtype)


def resize_positions(
    state: dict[str, Tensor], wanted: dict[str, Tensor]
) -> dict[str, Tensor]:
    """Resize the position tables of a state dict to those of another.

    Tables of another width are left alone: they are of another network.
    """
    resized = dict(state)
    for name, value in state.items():
        if name not in wanted or value.shape[-1] != wanted[name].shape[-1]:
            continue
        if name.endswith('pos_embed'):
            resized[name] = resize_pos_embed(value, wanted[name].shape[1:3])
        elif name.endswith(('rel_pos_h', 'rel_pos_w')):
            resized[name] = resize_rel_pos(value, len(wanted[name]))
    return resized
