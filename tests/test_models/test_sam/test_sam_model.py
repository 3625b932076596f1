import numpy as np
import pytest
import torch
from sam_toys import TOY, TOY_SIZE, official_sam, randomise
from segment_anything import SamAutomaticMaskGenerator

from mmrs.models.sam import RSSamModel


@pytest.fixture
def pair():
    theirs = randomise(official_sam()).eval()
    ours = RSSamModel(TOY, img_size=TOY_SIZE).eval()
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def test_box_prompts_equal_segment_anythings_forward(pair):
    ours, theirs = pair
    torch.manual_seed(3)
    raw = torch.rand(3, 3, TOY_SIZE, TOY_SIZE) * 255
    corners = torch.rand(6, 2, 2).sort(dim=1).values * TOY_SIZE
    boxes = list(corners.flatten(1).split([4, 0, 2]))
    records = [
        dict(image=image, boxes=box, original_size=(TOY_SIZE, TOY_SIZE))
        for image, box in zip(raw, boxes)
        if len(box)
    ]
    expected = theirs(records, multimask_output=False)
    images = torch.stack([theirs.preprocess(image) for image in raw])
    masks = ours.predict_boxes(images, boxes)
    assert [m.shape for m in masks] == [(4, 32, 32), (0, 32, 32), (2, 32, 32)]
    for mine, record in zip((masks[0], masks[2]), expected):
        torch.testing.assert_close(
            mine, record['low_res_logits'][:, 0], atol=1e-5, rtol=1e-4
        )


def test_no_boxes_at_all(pair):
    images = torch.zeros(2, 3, TOY_SIZE, TOY_SIZE)
    masks = pair[0].predict_boxes(images, [torch.zeros(0, 4)] * 2)
    assert [m.shape for m in masks] == [(0, 32, 32)] * 2


def test_automatic_masks_equal_segment_anythings(pair):
    ours, theirs = pair
    image = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    settings = dict(
        points_per_side=4, pred_iou_thresh=-9.0, stability_score_thresh=0.0
    )
    expected = SamAutomaticMaskGenerator(theirs, **settings).generate(image)
    masks = ours.generate(image, **settings)
    assert len(masks) == len(expected) > 0
    for mine, other in zip(masks, expected):
        np.testing.assert_array_equal(
            mine['segmentation'], other['segmentation']
        )
        assert mine['bbox'] == other['bbox']
        assert mine['predicted_iou'] == pytest.approx(
            other['predicted_iou'], abs=1e-5
        )
