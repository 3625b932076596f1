"""Stand-in NMS against loops over plain numbers."""

import math

import pytest
import torch
from mmcv.ops import batched_nms, nms_match, soft_nms
from mmcv.ops import nms as mmcv_nms

from mmrs.ops import mmcv_ext


def random_boxes(n: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(n, 2, generator=generator) * 20
    size = torch.rand(n, 2, generator=generator) * 12 + 1
    scores = torch.rand(n, generator=generator)
    return torch.cat([corner, corner + size], 1), scores


def plain_iou(a: list[float], b: list[float], offset: int) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0]) + offset
    height = min(a[3], b[3]) - max(a[1], b[1]) + offset
    inter = max(width, 0) * max(height, 0)
    area_a = (a[2] - a[0] + offset) * (a[3] - a[1] + offset)
    area_b = (b[2] - b[0] + offset) * (b[3] - b[1] + offset)
    return inter / (area_a + area_b - inter)


def plain_nms(boxes, scores, threshold: float, offset: int) -> list[int]:
    boxes, scores = boxes.tolist(), scores.tolist()
    keep = []
    for i in sorted(range(len(boxes)), key=lambda i: -scores[i]):
        if all(
            plain_iou(boxes[i], boxes[j], offset) <= threshold for j in keep
        ):
            keep.append(i)
    return keep


def plain_soft_nms(
    boxes, scores, threshold, sigma, min_score, method, offset
) -> tuple[list[int], list[float]]:
    boxes, scores = boxes.tolist(), scores.tolist()
    left, keep, kept_scores = list(range(len(boxes))), [], []
    while left:
        best = max(left, key=lambda i: scores[i])
        keep.append(best)
        kept_scores.append(scores[best])
        left.remove(best)
        for i in left:
            iou = plain_iou(boxes[best], boxes[i], offset)
            if method == 'gaussian':
                scores[i] *= math.exp(-(iou**2) / sigma)
            elif iou >= threshold:
                scores[i] *= 1 - iou if method == 'linear' else 0
        left = [i for i in left if scores[i] >= min_score]
    return keep, kept_scores


@pytest.mark.parametrize('offset', [0, 1])
@pytest.mark.parametrize('threshold', [0.1, 0.5, 0.9])
def test_nms_equals_a_loop(device, offset, threshold):
    boxes, scores = random_boxes(60)
    keep = mmcv_ext.nms(boxes.to(device), scores.to(device), threshold, offset)
    assert keep.device.type == device
    assert keep.tolist() == plain_nms(boxes, scores, threshold, offset)


def test_offset_changes_the_overlap():
    # Widths 4 and 4, 1 shared: IoU 1/7. With the last pixel inside, widths
    # 5 and 5, 2 shared: IoU 2/8.
    boxes = torch.tensor([[0.0, 0, 4, 1], [3, 0, 7, 1]])
    scores = torch.tensor([0.9, 0.8])
    assert mmcv_ext.nms(boxes, scores, 0.2, offset=0).tolist() == [0, 1]
    assert mmcv_ext.nms(boxes, scores, 0.2, offset=1).tolist() == [0]


def test_nms_of_half_precision_boxes(device):
    boxes, scores = random_boxes(20)
    boxes, scores = boxes.half().to(device), scores.half().to(device)
    keep = mmcv_ext.nms(boxes, scores, 0.5, 0)
    expected = plain_nms(boxes.float(), scores.float(), 0.5, 0)
    assert keep.tolist() == expected


def test_nms_wrapper_limits_count_and_score():
    boxes, scores = random_boxes(40)
    dets, keep = mmcv_nms(boxes, scores, 0.5, score_threshold=0.3, max_num=4)
    expected = [i for i in plain_nms(boxes, scores, 0.5, 0) if scores[i] > 0.3]
    assert keep.tolist() == expected[:4]
    torch.testing.assert_close(
        dets, torch.cat([boxes[keep], scores[keep, None]], 1)
    )


def test_nms_wrapper_of_no_boxes():
    dets, keep = mmcv_nms(torch.zeros(0, 4), torch.zeros(0), 0.5)
    assert dets.shape == (0, 5) and keep.shape == (0,)


@pytest.mark.parametrize('kind', ['nms', 'soft_nms'])
def test_batched_nms_keeps_classes_apart(kind):
    boxes = torch.tensor([[0.0, 0, 10, 10]] * 3)
    scores = torch.tensor([0.9, 0.8, 0.7])
    classes = torch.tensor([0, 1, 0])
    cfg = {'type': kind, 'iou_threshold': 0.5}
    if kind == 'soft_nms':
        cfg['min_score'] = 0.05
    dets, keep = batched_nms(boxes, scores, classes, cfg)
    assert keep.tolist() == [0, 1]
    torch.testing.assert_close(dets[:, 4], scores[:2])


@pytest.mark.parametrize('method', ['naive', 'linear', 'gaussian'])
@pytest.mark.parametrize('offset', [0, 1])
def test_soft_nms_equals_a_loop(method, offset):
    boxes, scores = random_boxes(40)
    dets, keep = soft_nms(
        boxes, scores, 0.3, 0.5, 0.05, method=method, offset=offset
    )
    expected, expected_scores = plain_soft_nms(
        boxes, scores, 0.3, 0.5, 0.05, method, offset
    )
    assert keep.tolist() == expected
    torch.testing.assert_close(dets[:, :4], boxes[expected])
    torch.testing.assert_close(dets[:, 4], torch.tensor(expected_scores))


def test_soft_nms_leaves_its_input_alone():
    boxes, scores = random_boxes(10)
    before = scores.clone()
    soft_nms(boxes, scores, method='linear')
    assert torch.equal(scores, before)


def test_soft_nms_of_no_boxes():
    dets, keep = soft_nms(torch.zeros(0, 4), torch.zeros(0))
    assert dets.shape == (0, 5) and keep.shape == (0,)


def test_nms_match_groups_every_box_once():
    boxes, scores = random_boxes(40)
    groups = nms_match(torch.cat([boxes, scores[:, None]], 1), 0.4)
    leaders = [int(group[0]) for group in groups]
    assert leaders == plain_nms(boxes, scores, 0.4, 0)
    assert sorted(int(i) for group in groups for i in group) == list(range(40))
    for group in groups:
        falling = scores[group]
        assert torch.equal(falling, falling.sort(descending=True).values)
        for i in group[1:].tolist():
            leader = boxes[group[0]].tolist()
            assert plain_iou(boxes[i].tolist(), leader, 0) >= 0.4
