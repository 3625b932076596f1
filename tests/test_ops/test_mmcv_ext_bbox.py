"""Stand-in overlaps of upright boxes, against numbers worked out by hand."""

import pytest
import torch
from mmcv.ops import bbox_overlaps

BOXES1 = [[0.0, 0, 10, 10], [10, 10, 20, 20]]
BOXES2 = [[0.0, 0, 10, 20], [5, 5, 15, 15]]


@pytest.mark.parametrize(
    ('mode', 'offset', 'expected'),
    [
        ('iou', 0, [[100 / 200, 25 / 175], [0, 25 / 175]]),
        ('iof', 0, [[100 / 100, 25 / 100], [0, 25 / 100]]),
        ('iou', 1, [[121 / 231, 36 / 206], [11 / 341, 36 / 206]]),
    ],
)
def test_bbox_overlaps(device, mode, offset, expected):
    boxes1 = torch.tensor(BOXES1, device=device)
    boxes2 = torch.tensor(BOXES2, device=device)
    expected = torch.tensor(expected, device=device)
    table = bbox_overlaps(boxes1, boxes2, mode=mode, offset=offset)
    torch.testing.assert_close(table, expected)
    pairs = bbox_overlaps(boxes1, boxes2, mode, aligned=True, offset=offset)
    torch.testing.assert_close(pairs, expected.diagonal())
