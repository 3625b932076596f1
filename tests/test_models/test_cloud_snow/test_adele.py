"""ADELE: when a class is corrected, and how."""

import numpy as np
import pytest
import torch
from cloud_toys import (
    build,
    make_batch,
    segformer,
    segformer_with_auxiliary_heads,
)

from mmrs.models.cloud_snow.adele import _divergence, has_slowed
from mmrs.models.cloud_snow.wrapper import stack_labels


def make(segmentor=None, **options):
    options = dict(period=2) | options
    return build(
        dict(
            type='AdeleSegmentor',
            segmentor=segmentor or segformer(),
            **options,
        )
    )


def curve(b, c, num, a=0.8):
    t = np.arange(1, num + 1)
    return a * (1 - np.exp(-(t**b) / c))


def test_a_class_is_over_once_its_slope_has_fallen():
    # With b = 1 the slope falls as exp(-(t - 1) / c): by 0.9 from
    # t = 1 + c ln 10 on, which is 10.2 for c = 4.
    assert not has_slowed(curve(1, 4, 10))
    assert has_slowed(curve(1, 4, 11))
    assert has_slowed(curve(1, 4, 6), slowdown=0.7)
    assert not has_slowed(curve(1, 4, 3), slowdown=0.1)


def test_noise_on_the_curve_does_not_matter_much():
    noise = np.random.default_rng(0).normal(0, 0.01, 20)
    assert has_slowed(curve(1, 4, 20) + noise)
    assert not has_slowed(np.linspace(0.1, 0.5, 20))


def test_a_class_that_is_never_seen_is_never_over():
    assert not has_slowed([0.0] * 20)


def test_one_scale_without_correction_is_plain_training():
    images, samples = make_batch()
    model = make(segformer_with_auxiliary_heads(), scales=(1.0,))
    losses = model.loss(images, samples)
    expected = model.segmentor.loss(images, samples)
    for name, value in expected.items():
        assert losses[name].item() == pytest.approx(value.item(), rel=1e-5)
    assert losses['loss_consistency'].item() == pytest.approx(0, abs=1e-6)
    assert losses['corrected_ratio'] == 0


def test_sure_predictions_of_an_over_class_are_taught():
    images, samples = make_batch()
    model = make(scales=(1.0,), consistency_weight=0.0)
    with torch.no_grad():
        model.decode_head.conv_seg.weight.zero_()
        model.decode_head.conv_seg.bias.copy_(torch.tensor([0.0, 5.0, 0.0]))
    plain = model.loss(images, samples)['decode.loss_ce']
    model.corrects[1] = True
    losses = model.loss(images, samples)
    labels = stack_labels(samples)
    share = (labels[labels != 255] != 1).float().mean()
    assert losses['corrected_ratio'].item() == pytest.approx(share.item())
    assert losses['decode.loss_ce'] < 0.1 * plain
    # Another class is over: nothing is predicted to be of it.
    model.corrects[:] = torch.tensor([True, False, True])
    assert model.loss(images, samples)['corrected_ratio'] == 0


def test_scales_are_multiples_and_all_learn():
    images, samples = make_batch()
    model = make()
    seen = []
    model.segmentor.backbone.register_forward_pre_hook(
        lambda module, args: seen.append(args[0].shape[2:])
    )
    losses = model.loss(images, samples)
    assert [tuple(size) for size in seen] == [(16, 16), (32, 32), (48, 48)]
    total = sum(v for k, v in losses.items() if 'loss' in k)
    total.backward()
    grads = [p.grad for p in model.segmentor.parameters()]
    assert all(g is not None and g.isfinite().all() for g in grads)


def test_divergence_by_hand():
    first = torch.tensor([0.9, 0.1]).view(1, 2, 1, 1)
    second = torch.tensor([0.5, 0.5]).view(1, 2, 1, 1)
    mean = (first + second) / 2
    p, q, m = (x.flatten().numpy() for x in (first, second, mean))
    expected = ((p * np.log(p / m)).sum() + (q * np.log(q / m)).sum()) / 2
    sure = torch.ones(1, 1, 1, dtype=torch.bool)
    got = _divergence([first, second], mean, sure)
    assert got.item() == pytest.approx(expected, rel=1e-5)
    assert _divergence([first, second], mean, ~sure) == 0


def test_notes_are_the_iou_of_each_period():
    model = make()
    labels = torch.tensor([[[0, 0, 1, 255]], [[2, 1, 1, 1]]])
    first = torch.tensor([[[0, 1, 1, 2]], [[2, 1, 0, 1]]])
    valid = labels != 255
    model._note(first, labels, valid)
    model._note(labels, labels, valid)
    # Both batches together: 3 of 5, 7 of 9, and 2 of 2 pixels.
    assert model.notes[0].tolist() == pytest.approx([3 / 5, 7 / 9, 1])
    assert model.overlap.sum() == 0
    assert model.iteration == 2


def test_a_loaded_model_goes_on():
    model, other = make(), make()
    for period, value in enumerate(curve(1, 1, 8)):
        model.notes[period] = value
    model.iteration += 16
    model.corrects[2] = True
    other.load_state_dict(model.state_dict())
    images, samples = make_batch()
    for one in (model, other):
        one.loss(images, samples)
        one.loss(images, samples)
    assert torch.equal(model.notes, other.notes)
    assert torch.equal(model.corrects, other.corrects)
    assert other.notes[8].sum() > 0
