import copy

import pytest
import torch
from rsprompter_toys import SIZE, build, make_batch


def train_step(model, images, samples):
    total, _ = model.parse_losses(model.loss(images, copy.deepcopy(samples)))
    total.backward()
    return total


@pytest.mark.parametrize('name', ['samseg-maskrcnn', 'samseg-mask2former'])
def test_samseg_trains_and_predicts(name):
    model = build(name).train()
    images, samples = make_batch()
    assert torch.isfinite(train_step(model, images, samples))
    assert model.neck.feature_aggregator.fusion_conv[0].weight.grad.any()
    with torch.no_grad():
        results = model.eval().predict(images, samples)
    for result in results:
        assert result.pred_instances.masks.shape[1:] == (SIZE, SIZE)


def test_samdet_trains_the_detector_alone():
    model = build('samdet').train()
    assert torch.isfinite(train_step(model, *make_batch()))
    assert model.detector.rpn_head.rpn_cls.weight.grad.any()
    assert all(p.grad is None for p in model.segmentor.parameters())
    assert not model.segmentor.training


def test_samdet_prompts_with_boxes_of_the_input():
    model = build('samdet', use_gt_boxes=True).eval()
    images, samples = make_batch((2, 0))
    for sample in samples:
        sample.set_metainfo(dict(ori_shape=(32, 32), scale_factor=(2.0, 2.0)))
        sample.gt_instances.bboxes /= 2
    expected = model.segmentor.predict_boxes(
        images, [s.gt_instances.bboxes * 2 for s in samples]
    )
    results = model.predict(images, samples)
    found = results[0].pred_instances
    assert found.scores.tolist() == [1, 1]
    assert torch.equal(found.labels, samples[0].gt_instances.labels)
    whole = torch.nn.functional.interpolate(
        expected[0][None], (SIZE, SIZE), mode='bilinear'
    )
    half = torch.nn.functional.interpolate(whole, (32, 32), mode='bilinear')
    assert torch.equal(found.masks, half[0] >= 0)
    assert results[1].pred_instances.masks.shape == (0, 32, 32)


def paint(images, samples):
    """Give the first object red, the second one green, the third one blue."""
    boxes = [
        (image, *box)
        for image, sample in zip(images, samples)
        for box in sample.gt_instances.bboxes.int().tolist()
    ]
    for colour, (image, x1, y1, x2, y2) in zip(torch.eye(3), boxes):
        image[:, y1:y2, x1:x2] = 3 * colour[:, None, None]


@pytest.mark.trains
def test_samcls_learns_the_class_of_an_object(training_seed, clears):
    model = build('samcls', training_seed, crop_size=32).train()
    images, samples = make_batch((2, 1))
    paint(images, samples)
    optimizer = torch.optim.AdamW(model.parameters(), 2e-4)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        losses.append(train_step(model, images, samples).item())
        optimizer.step()
    clears('last loss / first', losses[-1] / losses[0], below=1 / 2)
    assert train_step(model, *make_batch((0, 0))) == 0


def test_samcls_blurs_what_is_not_the_object():
    model = build('samcls', **{'crop_size': 16})
    image = torch.randn(3, SIZE, SIZE)
    mask = torch.zeros(1, SIZE, SIZE)
    mask[0, 24:40, 24:40] = 1
    crop = model.crop(image, mask, torch.tensor([[24.0, 24, 40, 40]]))[0]
    inside, outside = crop[:, 6:10, 6:10], crop[:, :3]
    assert inside.std() > 3 * outside.std()


def test_samcls_predicts():
    model = build('samcls', **{'crop_size': 32, 'points_per_side': 4}).eval()
    model.segmentor.mask_decoder.iou_prediction_head.layers[-1].bias.data += 1
    images, samples = make_batch((1,))
    with torch.no_grad():
        found = model.predict(images, samples)[0].pred_instances
    assert found.masks.shape == (len(found), SIZE, SIZE)
    assert (found.scores.diff() <= 0).all()
    assert (found.scores <= 1).all()
