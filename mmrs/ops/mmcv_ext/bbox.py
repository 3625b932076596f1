"""Overlaps of upright boxes."""

from torch import Tensor


def bbox_overlaps(
    bboxes1: Tensor,
    bboxes2: Tensor,
    ious: Tensor,
    mode: int,
    aligned: bool,
    offset: int,
) -> None:
    """Stand in for ``bbox_overlaps``: fill ``ious``.

    Args:
        bboxes1: ``(N, 4)`` as x1, y1, x2, y2.
        bboxes2: ``(M, 4)``; M = N if ``aligned``.
        ious: ``(N,)`` if ``aligned``, else ``(N, M)``; written to.
        mode: 0 divides by the union, 1 by the area of ``bboxes1``.
        aligned: Compare the boxes row by row instead of all with all.
        offset: Added to widths and heights: 0, or 1 for inclusive pixels.
    """
    if not aligned:
        bboxes1 = bboxes1[:, None]
    top_left = bboxes1[..., :2].maximum(bboxes2[..., :2])
    bottom_right = bboxes1[..., 2:].minimum(bboxes2[..., 2:])
    inter = (bottom_right - top_left + offset).clamp(min=0).prod(-1)
    base = (bboxes1[..., 2:] - bboxes1[..., :2] + offset).prod(-1)
    if mode == 0:
        area2 = (bboxes2[..., 2:] - bboxes2[..., :2] + offset).prod(-1)
        base = base + area2 - inter
    ious.copy_(inter / base)
