"""Stand-in focal losses against the paper's formula, entry by entry."""

import math

import pytest
import torch
from mmcv.ops import sigmoid_focal_loss, softmax_focal_loss
from torch.autograd import gradcheck

# The last sample of the sigmoid form is background.
LOGITS = [[1.0, -2.0, 0.5], [0.1, 3.0, -1.0], [-0.5, 0.2, 0.9]]
SIGMOID_TARGET = [0, 2, 3]
SOFTMAX_TARGET = [0, 2, 1]
CLASS_WEIGHT = [0.5, 2.0, 3.0]


def focal(p: float, gamma: float) -> float:
    return -((1 - p) ** gamma) * math.log(p)


def plain_sigmoid_loss(gamma: float, alpha: float, weight=None):
    loss = torch.zeros(3, 3, dtype=torch.float64)
    for n, target in enumerate(SIGMOID_TARGET):
        for c in range(3):
            p = 1 / (1 + math.exp(-LOGITS[n][c]))
            hit = c == target
            entry = alpha * focal(p, gamma)
            if not hit:
                entry = (1 - alpha) * focal(1 - p, gamma)
            if weight and target < 3:
                entry *= weight[target]
            loss[n, c] = entry
    return loss


def plain_softmax_loss(gamma: float, alpha: float, weight=None):
    loss = torch.zeros(3, dtype=torch.float64)
    for n, target in enumerate(SOFTMAX_TARGET):
        total = sum(math.exp(z) for z in LOGITS[n])
        loss[n] = alpha * focal(math.exp(LOGITS[n][target]) / total, gamma)
        if weight:
            loss[n] *= weight[target]
    return loss


FORMS = [
    (sigmoid_focal_loss, plain_sigmoid_loss, SIGMOID_TARGET),
    (softmax_focal_loss, plain_softmax_loss, SOFTMAX_TARGET),
]


@pytest.mark.parametrize(('loss', 'plain', 'target'), FORMS)
@pytest.mark.parametrize('gamma', [0.0, 0.5, 2.0])
@pytest.mark.parametrize('weight', [None, CLASS_WEIGHT])
def test_loss_and_gradient(device, loss, plain, target, gamma, weight):
    logits = torch.tensor(LOGITS, dtype=torch.float64, device=device)
    target = torch.tensor(target, device=device)
    factor = weight and torch.tensor(weight, dtype=torch.float64).to(device)
    expected = plain(gamma, 0.25, weight)

    value = loss(logits, target, gamma, 0.25, factor, 'none')
    torch.testing.assert_close(value.cpu(), expected)
    value = loss(logits, target, gamma, 0.25, factor, 'mean')
    torch.testing.assert_close(value.cpu(), expected.sum() / 3)
    assert gradcheck(
        lambda x: loss(x, target, gamma, 0.25, factor, 'sum'),
        logits.requires_grad_(),
    )


@pytest.mark.parametrize('loss', [sigmoid_focal_loss, softmax_focal_loss])
@pytest.mark.parametrize('gamma', [0.0, 0.5, 2.0])
def test_saturated_logits_stay_finite(loss, gamma):
    logits = torch.tensor([[200.0, -200.0], [-200.0, 200.0]])
    logits.requires_grad_()
    value = loss(logits, torch.tensor([0, 0]), gamma, 0.25, None, 'sum')
    value.backward()
    assert value.isfinite() and logits.grad.isfinite().all()
