"""Weights of pixels: the rule by hand, and what reaches the losses."""

import pytest
import torch
from cloud_toys import (
    build,
    fcn_head,
    make_batch,
    segformer,
    segformer_with_auxiliary_heads,
)

from mmrs.errors import InputError
from mmrs.models.cloud_snow.distrust import distrust_weights, mean_one
from mmrs.models.cloud_snow.wrapper import stack_labels


def wrap(segmentor=None, **options):
    return build(
        dict(
            type='NoisyLabelSegmentor',
            segmentor=segmentor or segformer(),
            **options,
        )
    )


def teach(model, classes, confidence=0.99):
    """Make the teacher give these classes (B, H, W), so sure."""
    rest = (1 - confidence) / 2
    probs = torch.full((*classes.shape, 3), rest)
    probs.scatter_(3, classes.unsqueeze(3), confidence)
    logits = probs.movedim(3, 1).log()
    model.teacher.steps += 1
    model.teacher.module._forward = lambda inputs: logits
    return model


def student_losses(model, images, samples):
    losses = model.segmentor.loss(images, samples)
    return {k: v for k, v in losses.items() if 'loss' in k}


def test_rule_by_hand():
    probs = torch.tensor(
        [[0.95, 0.05, 0], [0.05, 0.95, 0], [0.6, 0.4, 0], [0.4, 0.6, 0]]
    )
    probs = probs.T.view(1, 3, 1, 4).repeat(2, 1, 1, 1)
    labels = torch.zeros(2, 1, 4, dtype=torch.long)
    noisy = torch.tensor([False, True])

    def weights(ramp):
        return distrust_weights(
            probs, labels, noisy, ramp, 0.9, 0.1, 0.3
        ).tolist()

    assert weights(0.0)[0] == weights(1.0)[0] == [[1, 1, 1, 1]]
    assert weights(0.0)[1][0] == pytest.approx([1, 0.1, 1, 1])
    assert weights(0.5)[1][0] == pytest.approx([1, 0.1, 1, 0.65])
    assert weights(1.0)[1][0] == pytest.approx([1, 0.1, 1, 0.3])


def test_weights_have_mean_one_over_valid_pixels():
    weights = torch.rand(2, 3, 4)
    valid = torch.rand(2, 3, 4) > 0.4
    assert mean_one(weights, valid)[valid].mean().item() == pytest.approx(1)
    assert (mean_one(torch.zeros(1, 2, 2), torch.ones(1, 2, 2)) == 0).all()


@pytest.mark.parametrize(
    'segmentor', [segformer(), segformer_with_auxiliary_heads()]
)
def test_all_trusted_is_plain_cross_entropy(segmentor):
    images, samples = make_batch()
    model = wrap(segmentor)
    expected = student_losses(model, images, samples)
    labels = stack_labels(samples)
    teach(model, labels.clamp(max=2)).set_progress(0.9)
    losses = model.loss(images, samples)
    assert losses['trusted_ratio'] == 1
    assert losses['noisy_fraction'] == 0.5
    for name, value in expected.items():
        assert losses[name].item() == pytest.approx(value.item(), rel=1e-6)


def test_distrusted_pixels_are_left_out_of_all_heads():
    images, samples = make_batch(noisy=(0, 1, 2, 3))
    model = wrap(segformer_with_auxiliary_heads())
    labels = stack_labels(samples)
    left_out = torch.zeros_like(labels, dtype=torch.bool)
    left_out[:, :, ::3] = True
    classes = labels.clamp(max=2)
    classes = torch.where(left_out, (classes + 1) % 3, classes)
    teach(model, classes).set_progress(0.9)
    losses = model.loss(images, samples)
    # The same as if these pixels were ignored.
    for sample, mask in zip(samples, left_out):
        sample.gt_sem_seg.data[mask[None]] = 255
    model._weights.weights = None
    expected = student_losses(model, images, samples)
    assert len(expected) == 3
    for name, value in expected.items():
        assert losses[name].item() == pytest.approx(value.item(), rel=1e-5)
    valid = labels != 255
    share = (~left_out & valid).sum() / valid.sum()
    assert losses['trusted_ratio'].item() == pytest.approx(share.item())


def test_clean_images_are_always_trusted():
    images, samples = make_batch(noisy=())
    model = wrap()
    expected = student_losses(model, images, samples)
    teach(model, (stack_labels(samples) + 1) % 3).set_progress(0.9)
    losses = model.loss(images, samples)
    assert 'trusted_ratio' not in losses
    assert losses['decode.loss_ce'] == expected['decode.loss_ce']


def test_nothing_is_doubted_in_the_warm_up_and_before_a_step():
    images, samples = make_batch()
    model = wrap()
    model.set_progress(0.9)
    assert 'trusted_ratio' not in model.loss(images, samples)
    teach(model, (stack_labels(samples) + 1) % 3)
    assert 'trusted_ratio' in model.loss(images, samples)
    model.set_progress(0.24)
    assert 'trusted_ratio' not in model.loss(images, samples)


def test_precision_and_recall_of_wrong_labels():
    images, samples = make_batch(noisy=(1,), truth=True)
    model = wrap()
    labels = stack_labels(samples)
    # All labels are wrong. The teacher doubts the left half of them.
    classes = labels.clamp(max=2)
    classes[..., :16] = (classes[..., :16] + 1) % 3
    teach(model, classes).set_progress(0.9)
    losses = model.loss(images, samples)
    assert losses['distrust_precision'] == 1
    assert losses['distrust_recall'] == 0.5


def test_refined_labels_replace_given_ones():
    images, samples = make_batch()
    labels = stack_labels(samples)
    # The same class everywhere, so that mirrored views agree.
    classes = torch.ones_like(labels)
    model = teach(wrap(refine=True, full=0.5), classes)
    model.set_progress(0.9)
    losses = model.loss(images, samples)
    for sample in samples[2:]:
        data = sample.gt_sem_seg.data
        sample.gt_sem_seg.data = torch.where(data == 255, data, 1)
    model._weights.weights = None
    expected = student_losses(model, images, samples)
    assert losses['decode.loss_ce'].item() == pytest.approx(
        expected['decode.loss_ce'].item(), rel=1e-6
    )


def test_views_that_disagree_refine_nothing():
    images, samples = make_batch()
    labels = stack_labels(samples)
    classes = torch.zeros_like(labels)
    classes[..., :16] = 1  # asymmetric: the mirrored view is taken as is
    model = teach(wrap(refine=True), classes)
    model._weights.weights = torch.zeros(labels.shape)
    noisy = torch.ones(4, dtype=torch.bool)
    probs = model._teach(images, labels.shape[1:])
    assert torch.equal(model._refine(images, probs, labels, noisy), labels)


def test_teacher_follows_the_student_fast_at_first():
    model = wrap(momentum=0.5)
    student = model.segmentor.decode_head.conv_seg.weight
    teacher = model.teacher.module.decode_head.conv_seg.weight
    model.update_teacher()
    assert torch.equal(student, teacher)
    before = teacher.clone()
    with torch.no_grad():
        student += 1
    model.update_teacher()  # 9 / (9 + 1) of the way
    assert torch.allclose(teacher, before + 0.9)
    assert not teacher.requires_grad
    model.train()
    assert not model.teacher.module.training and model.segmentor.training


def test_student_or_teacher_predicts():
    images, samples = make_batch(count=1)
    model = wrap().eval()
    with torch.no_grad():
        model.segmentor.decode_head.conv_seg.bias += 5
        by_student = model(images, samples, mode='predict')[0]
        student = by_student.seg_logits.data.clone()
        tensor = model(images, mode='tensor')
    assert torch.equal(model.segmentor._forward(images), tensor)
    model.predict_by = 'teacher'
    with torch.no_grad():
        teacher = model(images, samples, mode='predict')[0].seg_logits.data
    assert not torch.allclose(student, teacher)


def test_state_holds_teacher_and_steps():
    model = wrap()
    model.update_teacher()
    names = model.state_dict()
    assert names['teacher.steps'] == 1
    assert 'teacher.module.decode_head.conv_seg.weight' in names


def test_missing_hook_and_subset_are_named():
    images, samples = make_batch()
    model = wrap()
    with pytest.raises(InputError, match='CurriculumHook'):
        model.loss(images, samples)
    samples[1].set_metainfo(dict(subset=None))
    with pytest.raises(InputError, match="'subset' in the meta_keys"):
        model.loss(images, samples)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(predict_by='both'), "'student' or 'teacher'"),
        (dict(warmup=0.8), '0 <= warmup <= full <= 1'),
    ],
)
def test_wrong_arguments_are_named(options, message):
    with pytest.raises(InputError, match=message):
        wrap(**options)


def test_a_second_sampler_of_pixels_is_refused():
    head = dict(
        fcn_head(8, 0, 1.0), sampler=dict(type='mmseg.OHEMPixelSampler')
    )
    with pytest.raises(InputError, match='FCNHead: its `sampler`'):
        wrap(segformer(auxiliary_head=head))
