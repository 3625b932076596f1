"""Stand-in overlaps of rotated boxes, against known shapes and counting."""

import math

import pytest
import torch
from mmcv.ops import box_iou_rotated, nms_rotated

from mmrs.ops.mmcv_ext import rotated


def count_overlap(box1, box2, cells: int = 400) -> float:
    """IoU by counting the points of a fine grid inside each box."""
    span = torch.arange(cells, dtype=torch.float64) / cells * 24 - 12
    y, x = torch.meshgrid(span, span, indexing='ij')

    def inside(box):
        cx, cy, width, height, angle = box.tolist()
        cos, sin = math.cos(angle), math.sin(angle)
        along = (x - cx) * cos + (y - cy) * sin
        across = (y - cy) * cos - (x - cx) * sin
        return (along.abs() <= width / 2) & (across.abs() <= height / 2)

    a, b = inside(box1), inside(box2)
    return float((a & b).sum() / (a | b).sum())


def random_boxes(n: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    unit = torch.rand(n, 5, generator=generator)
    scale = torch.tensor([8, 8, 6, 6, 2 * math.pi])
    return unit * scale + torch.tensor([-4, -4, 1, 1, -math.pi])


def test_iou_equals_counting(device):
    boxes1, boxes2 = random_boxes(5, seed=0), random_boxes(4, seed=1)
    table = box_iou_rotated(boxes1.to(device), boxes2.to(device))
    expected = [[count_overlap(a, b) for b in boxes2] for a in boxes1]
    torch.testing.assert_close(
        table.cpu(), torch.tensor(expected), atol=0.01, rtol=0
    )
    pairs = box_iou_rotated(boxes1[:4], boxes2, aligned=True)
    torch.testing.assert_close(pairs, table[:4].diagonal().cpu())


@pytest.mark.parametrize('angle', [0.0, 0.3, math.pi / 2])
def test_iou_of_a_box_with_itself_and_its_neighbour(angle):
    cos, sin = math.cos(angle), math.sin(angle)
    box = torch.tensor([[3.0, 5, 4, 2, angle]])
    beside = torch.tensor([[3 + 4 * cos, 5 + 4 * sin, 4, 2, angle]])
    halfway = torch.tensor([[3 + 2 * cos, 5 + 2 * sin, 4, 2, angle]])
    both = torch.cat([box, beside, halfway])
    torch.testing.assert_close(
        box_iou_rotated(box, both), torch.tensor([[1, 0, 1 / 3]]),
        atol=1e-6, rtol=0,
    )  # fmt: skip


def test_share_of_the_first_box():
    # A square turned by 45 degrees inside its bounding square.
    diamond = torch.tensor([[0.0, 0, math.sqrt(2), math.sqrt(2), math.pi / 4]])
    square = torch.tensor([[0.0, 0, 2, 2, 0]])
    share = box_iou_rotated(diamond, square, mode='iof')
    torch.testing.assert_close(share, torch.tensor([[1.0]]))
    share = box_iou_rotated(square, diamond, mode='iof')
    torch.testing.assert_close(share, torch.tensor([[0.5]]))


def test_large_tables_are_cut_into_blocks(monkeypatch):
    boxes1, boxes2 = random_boxes(7, seed=2), random_boxes(3, seed=3)
    whole = box_iou_rotated(boxes1, boxes2)
    monkeypatch.setattr(rotated, '_PAIRS', 6)
    assert torch.equal(box_iou_rotated(boxes1, boxes2), whole)


def test_nms_rotated_equals_a_loop(device):
    boxes = random_boxes(30, seed=4)
    scores = torch.rand(30, generator=torch.Generator().manual_seed(5))
    iou = box_iou_rotated(boxes, boxes)
    expected = []
    for i in scores.argsort(descending=True).tolist():
        if all(iou[i, j] < 0.3 for j in expected):
            expected.append(i)
    dets, keep = nms_rotated(boxes.to(device), scores.to(device), 0.3)
    assert keep.tolist() == expected
    assert torch.equal(dets[:, 4].cpu(), boxes[expected, 4])
