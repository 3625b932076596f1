"""Overlaps and suppression of rotated boxes.

A rotated box is x, y of the centre, width, height and the angle in radians
that turns the x axis towards the y axis.
"""

import torch
from torch import Tensor

# Pairs that are intersected at once: bounds the memory of large tables.
_PAIRS = 2**17
# Relative; the geometry is done in float64.
_TOLERANCE = 1e-9


def box_iou_rotated(
    boxes1: Tensor, boxes2: Tensor, ious: Tensor, mode_flag: int, aligned: bool
) -> None:
    """Stand in for ``box_iou_rotated``: fill ``ious``.

    Args:
        boxes1: ``(N, 5)`` rotated boxes.
        boxes2: ``(M, 5)``; M = N if ``aligned``.
        ious: ``(N,)`` if ``aligned``, else ``(N * M,)``; written to.
        mode_flag: 0 divides by the union, 1 by the area of ``boxes1``.
        aligned: Compare the boxes row by row instead of all with all.
    """
    corners1, corners2 = _corners(boxes1), _corners(boxes2)
    if aligned:
        ious.copy_(_overlap(corners1, corners2, mode_flag))
        return
    table = ious.view(len(boxes1), len(boxes2))
    rows = max(1, _PAIRS // max(1, len(boxes2)))
    for start in range(0, len(boxes1), rows):
        some = slice(start, start + rows)
        table[some] = _overlap(corners1[some, None], corners2, mode_flag)


def nms_rotated(
    dets: Tensor,
    scores: Tensor,
    order: Tensor,
    dets_sorted: Tensor,
    labels: Tensor,
    iou_threshold: float,
    multi_label: bool,
) -> Tensor:
    """Stand in for ``nms_rotated``: drop boxes that overlap a better one.

    Args:
        dets: ``(N, 5)`` rotated boxes, or ``(N, 6)`` with the label last.
        scores: ``(N,)``; not read, as ``order`` ranks them.
        order: ``(N,)`` indices of ``dets`` by falling score.
        dets_sorted: ``dets[order]``; not read.
        labels: ``(N,)`` or empty; not read: mmcv's kernels let boxes of
            different labels suppress each other, and so does this.
        iou_threshold: A box is dropped if its IoU is not below this.
        multi_label: Whether ``dets`` carries labels; not read.

    Returns:
        Indices of the kept boxes, best first, ``(K,)`` int64.
    """
    corners = _corners(dets[:, :5])
    keep = []
    while order.numel():
        best, order = order[0], order[1:]
        keep.append(best)
        iou = _overlap(corners[best], corners[order], mode_flag=0)
        order = order[iou < iou_threshold]
    return torch.stack(keep) if keep else order


def _corners(boxes: Tensor) -> Tensor:
    """Turn rotated boxes ``(N, 5)`` into their corners ``(N, 4, 2)``."""
    centre, size, angle = boxes[:, None, :2], boxes[:, None, 2:4], boxes[:, 4]
    unit = boxes.new_tensor([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    cos, sin = angle.cos(), angle.sin()
    turn = torch.stack([cos, sin, -sin, cos], -1).view(-1, 2, 2)
    return centre + (unit * size / 2) @ turn


def _overlap(a: Tensor, b: Tensor, mode_flag: int) -> Tensor:
    """IoU or share of ``a``; corners ``(..., 4, 2)`` to ``(...)``."""
    a, b = torch.broadcast_tensors(a.double(), b.double())
    middle = (a + b).mean(-2, keepdim=True) / 2
    a, b = a - middle, b - middle
    crossings, meet = _edge_crossings(a, b)
    points = torch.cat([a, b, crossings], -2)
    shared = torch.cat([_contains(b, a), _contains(a, b), meet], -1)
    inter = _hull_area(points, shared)
    base = _shoelace(a)
    if mode_flag == 0:
        base = base + _shoelace(b) - inter
    return inter / base


def _cross(u: Tensor, v: Tensor) -> Tensor:
    return u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]


def _edge_crossings(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Points where edges meet ``(..., 16, 2)``, and which of them do."""
    edge_a = (a.roll(-1, -2) - a)[..., :, None, :]
    edge_b = (b.roll(-1, -2) - b)[..., None, :, :]
    gap = b[..., None, :, :] - a[..., :, None, :]
    det = _cross(edge_a, edge_b)
    length = edge_a.norm(dim=-1) * edge_b.norm(dim=-1)
    # The ends of parallel edges are found as corners inside the other box.
    apart = det.abs() > _TOLERANCE * length
    along_a = _cross(gap, edge_b) / det
    along_b = _cross(gap, edge_a) / det
    within_a = (along_a >= 0) & (along_a <= 1)
    within_b = (along_b >= 0) & (along_b <= 1)
    point = a[..., :, None, :] + along_a[..., None] * edge_a
    return point.flatten(-3, -2), (apart & within_a & within_b).flatten(-2)


def _contains(quad: Tensor, points: Tensor) -> Tensor:
    """Which points ``(..., 4, 2)`` lie in or on the convex ``quad``."""
    edge = (quad.roll(-1, -2) - quad)[..., None, :, :]
    side = _cross(edge, points[..., :, None, :] - quad[..., None, :, :])
    tolerance = _TOLERANCE * edge.square().sum(-1)
    left = (side >= -tolerance).all(-1)
    right = (side <= tolerance).all(-1)
    return left | right


def _hull_area(points: Tensor, valid: Tensor) -> Tensor:
    """Area of the convex polygon that the valid points are corners of."""
    points = points.masked_fill(~valid[..., None], 0)
    count = valid.sum(-1).clamp(min=1)[..., None, None]
    points = points - points.sum(-2, keepdim=True) / count
    angle = torch.atan2(points[..., 1], points[..., 0])
    order = angle.masked_fill(~valid, torch.inf).argsort(-1)
    points = points.take_along_dim(order[..., None], -2)
    valid = valid.take_along_dim(order, -1)
    # The first point, repeated in place of the invalid ones, closes the ring.
    points = torch.where(valid[..., None], points, points[..., :1, :])
    return _shoelace(points) * valid[..., 0]


def _shoelace(ring: Tensor) -> Tensor:
    return _cross(ring, ring.roll(-1, -2)).sum(-1).abs() / 2
