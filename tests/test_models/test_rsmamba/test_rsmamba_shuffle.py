"""When the shuffled path changes, and when it does not."""

import pytest
import torch
from mmengine.logging import MessageHub
from rsmamba_toys import build, images

from mmrs.models.rsmamba.paths import fixed_shuffles, make_orders
from mmrs.models.rsmamba.tokens import TokenLayout

CPU = torch.device('cpu')
FIRST = [4, 0, 3, 6, 7, 9, 1, 8, 5, 2]
SECOND = [8, 4, 2, 6, 1, 5, 7, 3, 9, 0]


def outputs(model, num=2):
    with torch.no_grad():
        return [model(images())[0] for _ in range(num)]


@pytest.fixture
def iteration():
    """Sets the iteration of the runner."""
    hub = MessageHub.get_current_instance()
    before = hub.get_info('iter')
    yield lambda number: hub.update_info('iter', number)
    hub.runtime_info.pop('iter', None)
    if before is not None:
        hub.update_info('iter', before)


def test_evaluation_repeats_itself():
    torch.manual_seed(0)
    first, second = outputs(build().eval())
    assert torch.equal(first, second)
    again = build().eval()
    torch.rand(7)  # whatever the state of the generator
    assert torch.equal(outputs(again)[0], first)


def test_evaluation_can_be_random_as_in_the_release():
    model = build(shuffle_eval='random').eval()
    first, second = outputs(model)
    assert not torch.allclose(first, second)


def test_training_draws_from_the_global_generator():
    model = build().train()
    torch.manual_seed(5)
    first, second = outputs(model)
    assert not torch.allclose(first, second)
    torch.manual_seed(5)
    assert torch.equal(outputs(model)[0], first)
    torch.manual_seed(5)
    drawn = [torch.randperm(64) for _ in model.layers]
    with torch.no_grad():
        assert torch.equal(model(images(), drawn)[0], first)


def test_fixed_training_draws_nothing():
    model = build(shuffle='fixed').train()
    state = torch.get_rng_state()
    first, second = outputs(model)
    assert torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), state)


def test_seeded_training_follows_the_iteration(iteration):
    model = build(shuffle='seeded').train()
    state = torch.get_rng_state()
    iteration(3)
    first, second = outputs(model)
    assert torch.equal(first, second)
    iteration(4)
    assert not torch.allclose(outputs(model)[0], first)
    iteration(3)
    assert torch.equal(outputs(model)[0], first)
    assert torch.equal(torch.get_rng_state(), state)
    other = build(shuffle='seeded', shuffle_seed=1).train()
    assert not torch.allclose(outputs(other)[0], first)


def test_fixed_permutations_never_change():
    first, second = fixed_shuffles(2, 10, CPU)
    assert first.index.tolist() == FIRST
    assert second.index.tolist() == SECOND
    assert fixed_shuffles(3, 10, CPU)[1].index.tolist() == SECOND


def test_one_permutation_may_be_given_for_each_image():
    model = build().eval()
    permutations = [
        torch.stack([torch.randperm(64) for _ in range(2)])
        for _ in model.layers
    ]
    with torch.no_grad():
        (both,) = model(images(), permutations)
        for i in range(2):
            (alone,) = model(images()[i : i + 1], [p[i] for p in permutations])
            torch.testing.assert_close(alone[0], both[i])


@pytest.mark.parametrize(
    'cls_position, expected',
    [
        ('none', [0, 3, 1, 4, 2, 5]),
        ('head', [0, 1, 4, 2, 5, 3, 6]),
        ('tail', [0, 3, 1, 4, 2, 5, 6]),
        ('head_tail', [0, 1, 4, 2, 5, 3, 6, 7]),
        ('middle', [0, 4, 1, 3, 5, 2, 6]),
    ],
)
def test_strided_walks_down_the_columns(cls_position, expected):
    layout = TokenLayout(2, 3, cls_position)
    (order,) = make_orders(['strided'], layout, None)
    assert order.rows(layout.length).tolist() == expected
