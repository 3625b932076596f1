import pytest
import torch

from mmrs.models.change.change_probability import VIEWS, change_probability


class Teacher:
    """Scores each pixel by a rule, and notes what it is shown."""

    def __init__(self, rule, num_classes=2):
        self.rule = rule
        self.num_classes = num_classes
        self.batches = []

    def data_preprocessor(self, data, training):
        inputs = {k: torch.stack(v).float() for k, v in data['inputs'].items()}
        return dict(inputs=inputs)

    def encode(self, inputs):
        a, b = inputs['img_a'], inputs['img_b']
        self.batches.append((a, b))
        changed = self.rule(a[:, 0], b[:, 0])
        others = torch.zeros_like(changed)
        scores = [others] + [changed] * (self.num_classes - 1)
        return dict(mask_logits=torch.stack(scores, 1))


def pair(height=6, width=6):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (2, 3, height, width), generator=generator)


def by_place(a, b):
    """A rule that depends on where a pixel is, and on the order of dates."""
    weight = torch.arange(a[0].numel()).view(a.shape[1:]) / a[0].numel()
    return weight * (a - b / 2) / 99


def test_a_constant_teacher_gives_a_constant():
    teacher = Teacher(lambda a, b: torch.full_like(a, 0.7))
    found = change_probability(teacher, *pair(4, 6))
    assert found.shape == (4, 6)
    expected = torch.tensor(0.7).sigmoid().expand(4, 6)
    torch.testing.assert_close(found, expected)


def test_views_are_brought_back():
    teacher = Teacher(lambda a, b: (a - 128) / 64)
    a, b = pair()
    for name in VIEWS:
        found = change_probability(teacher, a, b, [name], False)
        expected = ((a[0] - 128) / 64).sigmoid()
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize('shape', [(6, 6), (4, 7)])
def test_mean_over_views_and_orders(shape):
    a, b = pair(*shape)
    total = torch.zeros(shape)
    for view in VIEWS.values():
        for first, second in ((a, b), (b, a)):
            seen = view.look(first[:1].float()), view.look(second[:1].float())
            total += view.back(by_place(*seen).sigmoid()[0])
    found = change_probability(Teacher(by_place), a, b)
    torch.testing.assert_close(found, total / 8)


def test_exchanged_dates_give_the_same_numbers():
    a, b = pair()
    found = change_probability(Teacher(by_place), a, b)
    assert torch.equal(found, change_probability(Teacher(by_place), b, a))
    one = change_probability(Teacher(by_place), a, b, both_orders=False)
    assert not torch.allclose(found, one)


def test_views_of_one_shape_are_one_batch():
    teacher = Teacher(by_place)
    change_probability(teacher, *pair(6, 6))
    assert [len(a) for a, _ in teacher.batches] == [8]
    teacher = Teacher(by_place)
    change_probability(teacher, *pair(4, 6))
    assert [len(a) for a, _ in teacher.batches] == [6, 2]


def test_any_class_of_change_counts():
    teacher = Teacher(lambda a, b: torch.zeros_like(a), num_classes=4)
    found = change_probability(teacher, *pair())
    torch.testing.assert_close(found, torch.full((6, 6), 0.75))


def test_scores_of_other_sizes_are_resized():
    teacher = Teacher(lambda a, b: a[:, ::2, ::2] * 0 + 1.0)
    found = change_probability(teacher, *pair())
    expected = torch.tensor(1.0).sigmoid().expand(6, 6)
    torch.testing.assert_close(found, expected)
