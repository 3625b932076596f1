"""Tables of learnt positions at another size of the input."""

import torch.nn.functional as F
from torch import Tensor


def resize_grid(table: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize absolute positions `(1, h, w, C)` to another grid."""
    if table.shape[1:3] == size:
        return table
    resized = F.interpolate(
        table.float().permute(0, 3, 1, 2),
        size,
        mode='bicubic',
        align_corners=False,
    )
    return resized.permute(0, 2, 3, 1).to(table.dtype)


def resize_offsets(table: Tensor, length: int) -> Tensor:
    """Resize a table of relative positions `(2 * S - 1, d)` along S."""
    if len(table) == length:
        return table
    resized = F.interpolate(
        table.float().t()[None],
        length,
        mode='linear',
        align_corners=False,
    )
    return resized[0].t().to(table.dtype)


def resize_table(name: str, table: Tensor, wanted: Tensor) -> Tensor:
    """Resize a table of positions to the shape of another, where it is one.

    Args:
        name: Its name in a state dict. ``pos_embed`` are absolute positions,
            ``rel_pos_h`` and ``rel_pos_w`` relative ones.
        table: Of a checkpoint.
        wanted: Of a model.

    Returns:
        The resized table; the given one where the name is of no table, or
        the table of another kind or width.
    """
    if table.ndim != wanted.ndim or table.shape[-1] != wanted.shape[-1]:
        return table
    if name.endswith('pos_embed') and table.ndim == 4:
        return resize_grid(table, tuple(wanted.shape[1:3]))
    if name.endswith(('rel_pos_h', 'rel_pos_w')) and table.ndim == 2:
        return resize_offsets(table, len(wanted))
    return table
