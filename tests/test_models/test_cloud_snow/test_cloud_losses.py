"""Every loss against the formula in plain NumPy, pixel by pixel."""

import numpy as np
import pytest
import torch
from mmseg.models.losses import CrossEntropyLoss

from mmrs.errors import InputError
from mmrs.models.cloud_snow import losses as room

CE = CrossEntropyLoss(avg_non_ignore=True)


def batch(seed=0):
    generator = torch.Generator().manual_seed(seed)
    scores = 3 * torch.randn(2, 3, 5, 6, generator=generator)
    labels = torch.randint(0, 3, (2, 5, 6), generator=generator)
    labels[0, :2] = 255
    weights = torch.rand(2, 5, 6, generator=generator)
    return scores, labels, weights


def softmax(scores):
    e = np.exp(scores - scores.max())
    return e / e.sum()


def gce(p, y, q=0.7):
    return (1 - p[y] ** q) / q


def mae(p, y):
    return 1 - p[y]


def ce(p, y):
    return -np.log(p[y])


def rce(p, y):
    onehot = np.clip(np.eye(len(p))[y], 1e-4, 1)
    return -(p * np.log(onehot)).sum()


def nce(p, y):
    return np.log(p[y]) / np.log(p).sum()


def bootstrapped(p, y):
    target = 0.95 * np.eye(len(p))[y] + 0.05 * p
    return -(target * np.log(p)).sum()


LOSSES = {
    'gce': (room.GCELoss(), gce),
    'gce-q': (room.GCELoss(q=0.3), lambda p, y: gce(p, y, 0.3)),
    'mae': (room.MAELoss(), mae),
    'rce': (room.RCELoss(), rce),
    'sce': (room.SCELoss(), lambda p, y: 0.1 * ce(p, y) + rce(p, y)),
    'nce': (room.NCELoss(), nce),
    'nce-rce': (
        room.ActivePassiveLoss(alpha=2),
        lambda p, y: 2 * nce(p, y) + rce(p, y),
    ),
    'nce-mae': (
        room.ActivePassiveLoss('mae', beta=3),
        lambda p, y: nce(p, y) + 3 * mae(p, y),
    ),
    'bootstrapped': (room.BootstrappedCELoss(), bootstrapped),
    'untrimmed': (room.TrimmedCELoss(percent=0), ce),
}
each_loss = pytest.mark.parametrize('name', LOSSES)


def reference(per_pixel, scores, labels, weights):
    total, count = 0.0, 0
    for b, i, j in np.ndindex(*labels.shape):
        if labels[b, i, j] != 255:
            p = softmax(scores[b, :, i, j].double().numpy())
            weight = weights[b, i, j].item()
            total += weight * per_pixel(p, labels[b, i, j].item())
            count += 1
    return total / count


@each_loss
def test_formula(name):
    loss, per_pixel = LOSSES[name]
    scores, labels, weights = batch()
    ones = torch.ones_like(weights)
    expected = reference(per_pixel, scores, labels, ones)
    assert loss(scores, labels).item() == pytest.approx(expected, rel=1e-5)
    expected = reference(per_pixel, scores, labels, weights)
    got = loss(scores, labels, weight=weights, ignore_index=255)
    assert got.item() == pytest.approx(expected, rel=1e-5)


@each_loss
def test_gradients_are_finite_for_sure_and_wrong_predictions(name):
    loss, _ = LOSSES[name]
    scores = torch.tensor([60.0, -60.0, 0.0]).view(1, 3, 1, 1)
    scores = scores.expand(1, 3, 2, 2).clone().requires_grad_()
    labels = torch.tensor([[[0, 1], [2, 255]]])
    loss(scores, labels).backward()
    assert scores.grad.isfinite().all()
    assert (scores.grad[:, :, 1, 1] == 0).all()


@each_loss
def test_nothing_to_learn_from_costs_nothing(name):
    loss, _ = LOSSES[name]
    labels = torch.full((1, 2, 2), 255)
    assert loss(torch.randn(1, 3, 2, 2), labels) == 0


def test_limits_of_gce():
    scores, labels, _ = batch()
    near_ce = room.GCELoss(q=1e-4)(scores, labels)
    assert near_ce.item() == pytest.approx(
        CE(scores, labels, ignore_index=255).item(), rel=1e-2
    )
    mae_loss = room.MAELoss()(scores, labels)
    assert room.GCELoss(q=1.0)(scores, labels).item() == pytest.approx(
        mae_loss.item()
    )


def test_trimming_by_hand():
    # Losses of 20 pixels rise with the place; the worst two are left out,
    # and so is one of the second image's ten valid ones.
    scores = torch.zeros(2, 2, 4, 5)
    scores[:, 1] = torch.arange(20.0).view(4, 5) / 4
    labels = torch.zeros(2, 4, 5, dtype=torch.long)
    labels[1, 2:] = 255
    losses = np.log1p(np.exp(np.arange(20) / 4))
    kept = [*losses[:18], *losses[:9]]
    got = room.TrimmedCELoss(percent=10)(scores, labels)
    assert got.item() == pytest.approx(np.mean(kept), rel=1e-5)


def test_factor_and_names():
    scores, labels, _ = batch()
    doubled = room.GCELoss(loss_weight=2.0, loss_name='loss_two')
    assert doubled.loss_name == 'loss_two'
    assert room.GCELoss().loss_name == 'loss_gce'
    once = room.GCELoss()(scores, labels)
    assert doubled(scores, labels).item() == pytest.approx(2 * once.item())
    half = doubled(scores, labels, avg_factor=2 * (labels != 255).sum())
    assert half.item() == pytest.approx(once.item())


@pytest.mark.parametrize(
    ('build', 'message'),
    [
        (lambda: room.GCELoss(q=0), 'q must be above 0'),
        (lambda: room.GCELoss(q='1'), "q must be a number .* got '1'"),
        (lambda: room.SCELoss(alpha=-1), 'alpha must be .* at least 0'),
        (lambda: room.BootstrappedCELoss(2), 'beta must be .* from 0 to 1'),
        (lambda: room.MAELoss(loss_weight=-1), 'loss_weight must be'),
        (lambda: room.TrimmedCELoss(percent=100), 'percent must be'),
        (lambda: room.ActivePassiveLoss('ce'), 'passive must be one of'),
    ],
)
def test_wrong_arguments(build, message):
    with pytest.raises(InputError, match=message):
        build()
