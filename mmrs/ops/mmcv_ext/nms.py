"""Non-maximum suppression of upright boxes: hard, soft and grouping.

Boxes are x1, y1, x2, y2. An ``offset`` of 1 counts the last pixel as inside,
so that widths are ``x2 - x1 + 1``: the same as moving x2 and y2 by one.
"""

import torch
import torchvision
from torch import Tensor
from torchvision.ops import box_iou

_NAIVE, _LINEAR, _GAUSSIAN = 0, 1, 2


def nms(
    boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int
) -> Tensor:
    """Stand in for ``nms``: drop boxes whose IoU with a better one is above.

    Args:
        boxes: ``(N, 4)``.
        scores: ``(N,)``.
        iou_threshold: A box is dropped if its IoU is greater than this.
        offset: 0 or 1, see the module's text.

    Returns:
        Indices of the kept boxes, best first, ``(K,)`` int64.
    """
    boxes = _half_open(boxes, offset)
    return torchvision.ops.nms(boxes, scores.float(), iou_threshold)


def softnms(
    boxes: Tensor,
    scores: Tensor,
    dets: Tensor,
    iou_threshold: float,
    sigma: float,
    min_score: float,
    method: int,
    offset: int,
) -> Tensor:
    """Stand in for ``softnms``: lower scores instead of dropping boxes.

    Source: Bodla et al., "Soft-NMS", 2017.

    Args:
        boxes: ``(N, 4)``.
        scores: ``(N,)``.
        dets: ``(N, 5)``; the first K rows are set to the kept boxes with
            their decayed scores, in the order of picking.
        iou_threshold: IoU from which methods 0 and 1 act.
        sigma: Width of the Gaussian of method 2.
        min_score: Boxes whose score decays below this are dropped.
        method: 0 to zero the score, 1 to decay it by ``1 - IoU``, 2 by
            ``exp(-IoU^2 / sigma)``.
        offset: 0 or 1, see the module's text.

    Returns:
        Indices of the kept boxes in the order of picking, ``(K,)`` int64.
    """
    corners = _half_open(boxes, offset)
    scores = scores.clone()
    left = torch.arange(len(boxes), device=boxes.device)
    picked = []
    while left.numel():
        place = scores[left].argmax()
        best = left[place]
        picked.append(best)
        left = torch.cat([left[:place], left[place + 1 :]])
        iou = box_iou(corners[best, None], corners[left])[0]
        scores[left] *= _decay(iou, iou_threshold, sigma, method)
        left = left[scores[left] >= min_score]
    keep = torch.stack(picked) if picked else left
    dets[: len(keep), :4] = boxes[keep]
    dets[: len(keep), 4] = scores[keep]
    return keep


def nms_match(dets: Tensor, iou_threshold: float) -> list[list[int]]:
    """Stand in for ``nms_match``: group every dropped box with its suppressor.

    Args:
        dets: ``(N, 5)`` boxes and scores.
        iou_threshold: A box joins a group from this IoU on.

    Returns:
        One list of indices per kept box: itself first, then the boxes that
        it suppresses, all by falling score.
    """
    boxes, scores = dets[:, :4], dets[:, 4]
    left = scores.argsort(descending=True)
    groups = []
    while left.numel():
        best, left = left[:1], left[1:]
        joins = box_iou(boxes[best], boxes[left])[0] >= iou_threshold
        groups.append(torch.cat([best, left[joins]]).tolist())
        left = left[~joins]
    return groups


def _half_open(boxes: Tensor, offset: int) -> Tensor:
    return boxes.float() + boxes.new_tensor([0.0, 0.0, offset, offset])


def _decay(
    iou: Tensor, iou_threshold: float, sigma: float, method: int
) -> Tensor:
    if method == _GAUSSIAN:
        return (-iou.square() / sigma).exp()
    weight = 1 - iou if method == _LINEAR else torch.zeros_like(iou)
    return weight.masked_fill(iou < iou_threshold, 1)
