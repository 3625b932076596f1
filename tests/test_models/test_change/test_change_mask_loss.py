import math

import pytest
import torch

from mmrs.errors import InputError
from mmrs.models.change.mask_head import MaskHead
from mmrs.structures import ChangeDataSample


def sample(mask=None, prob=None):
    result = ChangeDataSample(metainfo=dict(sample_id='pair_7'))
    if mask is not None:
        result.gt_mask = torch.as_tensor(mask)
    if prob is not None:
        result.gt_mask_prob = torch.as_tensor(prob)
    return result


def random_case(num_classes=3):
    torch.manual_seed(0)
    logits = torch.randn(2, num_classes, 4, 5)
    masks = torch.randint(num_classes, (2, 4, 5))
    return logits, masks, [sample(mask) for mask in masks]


def test_loss_is_the_mean_over_pixels():
    logits, masks, samples = random_case()
    total, right = 0.0, 0
    for b in range(2):
        for y in range(4):
            for x in range(5):
                scores = logits[b, :, y, x].tolist()
                norm = math.log(sum(map(math.exp, scores)))
                total += norm - scores[masks[b, y, x]]
                right += scores.index(max(scores)) == masks[b, y, x]
    losses = MaskHead(3).loss(logits, samples)
    assert losses['loss_mask'].item() == pytest.approx(total / 40, rel=1e-5)
    assert losses['acc_pixel'].item() == pytest.approx(right / 40)


@pytest.mark.parametrize('dice_weight', [0.0, 1.0])
def test_ignored_pixels_count_nowhere(dice_weight):
    head = MaskHead(3, dice_weight=dice_weight)
    logits, masks, _ = random_case()
    logits.requires_grad_()
    masks[0, :2] = 255
    ignoring = head.loss(logits, [sample(mask) for mask in masks])
    ignoring['loss_mask'].backward()
    assert not logits.grad[0, :, :2].any()
    assert logits.grad[0, :, 2:].all()
    # Only the other pixels, as images of one row:
    keep = masks != 255
    rows = logits.movedim(1, 0)[:, keep].detach()[None, :, None]
    alone = head.loss(rows, [sample(masks[keep][None])])
    for name, value in alone.items():
        torch.testing.assert_close(ignoring[name], value)


def test_all_ignored_is_no_loss():
    logits = torch.randn(1, 2, 4, 4, requires_grad=True)
    masks = torch.full((4, 4), 255)
    for samples in ([sample(masks)], [sample(masks, torch.rand(4, 4))]):
        losses = MaskHead(2).loss(logits, samples)
        assert losses['loss_mask'].item() == losses['acc_pixel'].item() == 0
        losses['loss_mask'].backward()
        assert not logits.grad.any()


@pytest.mark.parametrize('weight', [None, [0.5, 3.0]])
def test_certain_probabilities_are_hard_labels(weight):
    logits, masks, samples = random_case(num_classes=2)
    head = MaskHead(2, class_weight=weight)
    hard = head.loss(logits, samples)
    soft = head.loss(logits, [sample(prob=mask.float()) for mask in masks])
    for name, value in hard.items():
        torch.testing.assert_close(soft[name], value)


def test_probabilities_are_soft_labels():
    logits = torch.tensor([0.0, math.log(3)]).view(1, 2, 1, 1)
    losses = MaskHead(2).loss(logits, [sample(prob=torch.tensor([[0.75]]))])
    entropy = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    assert losses['loss_mask'].item() == pytest.approx(entropy, rel=1e-6)
    # Where the mask says so, they are ignored.
    logits = logits.expand(1, 2, 1, 2)
    mask = torch.tensor([[0, 255]])
    pair = [sample(mask, torch.tensor([[0.75, 0.1]]))]
    losses = MaskHead(2).loss(logits, pair)
    assert losses['loss_mask'].item() == pytest.approx(entropy, rel=1e-6)


def test_pairs_with_and_without_probabilities_mix():
    logits, masks, _ = random_case(num_classes=2)
    mixed = [sample(masks[0]), sample(prob=masks[1].float())]
    plain = [sample(mask) for mask in masks]
    torch.testing.assert_close(
        MaskHead(2).loss(logits, mixed), MaskHead(2).loss(logits, plain)
    )


def test_class_weights():
    logits, masks, samples = random_case()
    weight = torch.tensor([0.1, 1.0, 5.0])
    expected = torch.nn.functional.cross_entropy(logits, masks, weight)
    losses = MaskHead(3, class_weight=weight.tolist()).loss(logits, samples)
    torch.testing.assert_close(losses['loss_mask'], expected)


def test_dice_of_changed_classes():
    masks = torch.tensor([[0, 1], [2, 2]])
    sure = torch.nn.functional.one_hot(masks, 3).movedim(2, 0)[None] * 50.0
    plain = MaskHead(3).loss(sure, [sample(masks)])['loss_mask']
    dice = MaskHead(3, dice_weight=2.0).loss(sure, [sample(masks)])
    torch.testing.assert_close(dice['loss_mask'], plain)  # Dice of 1
    # All said to be unchanged: 1 - 1 / (1 + 1) and 1 - 1 / (2 + 1)
    wrong = torch.tensor([50.0, 0, 0]).view(1, 3, 1, 1).expand(1, 3, 2, 2)
    plain = MaskHead(3).loss(wrong, [sample(masks)])['loss_mask']
    dice = MaskHead(3, dice_weight=2.0).loss(wrong, [sample(masks)])
    more = (dice['loss_mask'] - plain).item()
    assert more == pytest.approx(1 / 2 + 2 / 3, rel=1e-5)


def test_scores_are_brought_to_the_size_of_the_masks():
    logits = torch.zeros(1, 2, 3, 3)
    logits[:, 1] = 5
    losses = MaskHead(2).loss(logits, [sample(torch.ones(7, 5).long())])
    assert losses['acc_pixel'] == 1


@pytest.mark.parametrize(
    ('samples', 'message'),
    [
        ([sample(), sample()], 'pair_7 has no mask'),
        ([sample([[0, 1]]), sample([[0], [1]])], 'sizes'),
        ([sample([[0, 3]]), sample([[0, 1]])], 'value 3.*num_classes=3'),
        ([sample(prob=[[0.5, 0.5]])] * 2, 'num_classes=2.* has 3'),
    ],
)
def test_masks_that_cannot_be_learnt_are_refused(samples, message):
    with pytest.raises(InputError, match=message):
        MaskHead(3).loss(torch.randn(2, 3, 1, 2), samples)


def test_class_weights_are_of_all_classes():
    with pytest.raises(InputError, match='2 numbers for 3 classes'):
        MaskHead(3, class_weight=[1, 2])
