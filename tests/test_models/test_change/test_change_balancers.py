import math

import pytest
import torch

from mmrs.errors import InputError
from mmrs.models.change import (
    DynamicWeightAverage,
    StopGradNormalize,
    SumLosses,
    Uncertainty,
)


def losses(caption=3.0, mask=0.5):
    return dict(
        loss_caption=torch.tensor(caption, requires_grad=True),
        loss_mask=torch.tensor(mask, requires_grad=True),
        acc_word=torch.tensor(0.25),
    )


@pytest.mark.parametrize(
    'balancer',
    [
        SumLosses(),
        StopGradNormalize(),
        Uncertainty(),
        DynamicWeightAverage(window=2),
    ],
)
def test_raw_losses_and_others_are_kept(balancer):
    balanced = balancer(losses())
    assert set(balanced) == {
        'loss_caption',
        'loss_mask',
        'acc_word',
        'raw_caption',
        'raw_mask',
    }
    assert balanced['acc_word'] == 0.25
    assert (balanced['raw_caption'], balanced['raw_mask']) == (3, 0.5)
    assert not balanced['raw_caption'].requires_grad
    assert balanced['loss_mask'].requires_grad


def test_sum_takes_weights():
    balanced = SumLosses(dict(mask=4.0))(losses())
    assert (balanced['loss_caption'], balanced['loss_mask']) == (3, 2)
    with pytest.raises(InputError, match='names det, .* caption, mask'):
        SumLosses(dict(det=2.0))(losses())


def test_normalised_losses_have_the_gradient_of_logarithms():
    given = losses()
    balanced = StopGradNormalize()(given)
    assert balanced['loss_caption'] == balanced['loss_mask'] == 1
    (balanced['loss_caption'] + balanced['loss_mask']).backward()
    assert given['loss_caption'].grad.item() == pytest.approx(1 / 3)
    assert given['loss_mask'].grad.item() == pytest.approx(1 / 0.5)


def test_normalising_no_loss_gives_none():
    given = losses(mask=0.0)
    assert StopGradNormalize()(given)['loss_mask'] == 0


def test_uncertainty_weighs_by_precision():
    balancer = Uncertainty()
    with torch.no_grad():
        balancer.log_variance[:] = torch.tensor([1.0, -2.0])
    balanced = balancer(losses())
    expected = 3 * math.exp(-1) + 0.5, 0.5 * math.exp(2) - 1
    found = balanced['loss_caption'].item(), balanced['loss_mask'].item()
    assert found == pytest.approx(expected)
    sum(balanced[f'loss_{task}'] for task in balancer.tasks).backward()
    expected = -3 * math.exp(-1) + 0.5, -0.5 * math.exp(2) + 0.5
    assert balancer.log_variance.grad.tolist() == pytest.approx(expected)


def weights_of(balancer, caption, mask):
    balanced = balancer(losses(caption, mask))
    return (
        balanced['loss_caption'].item() / caption,
        balanced['loss_mask'].item() / mask,
    )


def test_weights_follow_the_speed_of_learning():
    balancer = DynamicWeightAverage(window=2)
    # Means of two windows: 3 and 1.5 (caption), 1 and 0.8 (mask)
    for caption, mask in ((4.0, 1.0), (2.0, 1.0), (1.0, 0.6), (2.0, 1.0)):
        assert weights_of(balancer, caption, mask) == pytest.approx((1, 1))
    parts = [math.exp(0.5 / 2), math.exp(0.8 / 2)]
    expected = [2 * part / sum(parts) for part in parts]
    assert weights_of(balancer, 9.0, 9.0) == pytest.approx(expected)
    assert weights_of(balancer, 9.0, 9.0) == pytest.approx(expected)
    parts = [math.exp(9 / 1.5 / 2), math.exp(9 / 0.8 / 2)]
    expected = [2 * part / sum(parts) for part in parts]
    assert weights_of(balancer, 1.0, 1.0) == pytest.approx(expected)


def test_weights_are_resumed_and_unmoved_by_validation():
    balancer = DynamicWeightAverage(window=1)
    for value in (4.0, 1.0):
        weights_of(balancer, value, 1.0)
    resumed = DynamicWeightAverage(window=1)
    resumed.load_state_dict(balancer.state_dict())
    expected = resumed.eval().weights.tolist()
    assert expected[0] < 1 < expected[1]
    for _ in range(3):
        assert weights_of(resumed, 5.0, 1.0) == pytest.approx(expected)


@pytest.mark.parametrize('kind', [Uncertainty, DynamicWeightAverage])
def test_tasks_must_be_those_of_the_losses(kind):
    window = dict(window=3) if kind is DynamicWeightAverage else {}
    balancer = kind(tasks=('caption', 'edge'), **window)
    with pytest.raises(InputError, match='names caption, edge'):
        balancer(losses())
