"""One step after the other gives what the scan gives."""

import pytest
import torch
from scan_toys import random_problem

from mmrs.ops.selective_scan import (
    Forward,
    multi_order_scan,
    selective_state_update,
)


@pytest.mark.parametrize('extras', [True, False])
def test_steps_are_the_scan(extras):
    inputs, _ = random_problem(paths=1, length=9, extras=extras)
    inputs = {name: value.float() for name, value in inputs.items()}
    expected, last_state = multi_order_scan(
        orders=[Forward()],
        delta_softplus=True,
        return_last_state=True,
        backend='torch',
        **inputs,
    )
    state = torch.zeros_like(last_state[:, 0])
    z, bias = inputs.get('z'), inputs.get('delta_bias')
    for t in range(9):
        y = selective_state_update(
            state,
            inputs['u'][:, 0, t],
            inputs['delta'][:, 0, t],
            inputs['A'],
            inputs['B'][:, 0, t, 0],
            inputs['C'][:, 0, t, 0],
            inputs.get('D'),
            None if z is None else z[:, t],
            bias,
            True,
        )
        torch.testing.assert_close(y, expected[:, 0, t])
    torch.testing.assert_close(state, last_state[:, 0])


def test_a_step_with_heads_by_hand():
    # Two heads of one channel and one state, in two groups.
    state = torch.tensor([2.0, 4.0]).view(1, 2, 1, 1)
    ln2 = torch.tensor(2.0).log()
    y = selective_state_update(
        state,
        torch.ones(1, 2, 1),
        torch.full((1, 2, 1), ln2.item()),
        -torch.ones(2, 1, 1),
        torch.tensor([0.0, 1.0]).view(1, 2, 1),
        torch.tensor([1.0, 3.0]).view(1, 2, 1),
    )
    assert torch.allclose(state.flatten(), torch.tensor([1.0, 2 + ln2]))
    assert torch.allclose(y.flatten(), torch.tensor([1.0, 6 + 3 * ln2]))


def test_entries_of_a_larger_state():
    generator = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(shape, generator=generator)

    whole = normal(5, 8, 4)
    before = whole.clone()
    entries = torch.tensor([3, 1])
    arguments = normal(2, 8), normal(2, 8), -normal(8, 4).abs()
    arguments += normal(2, 4), normal(2, 4)
    own = whole[entries].clone()
    expected = selective_state_update(own, *arguments)
    y = selective_state_update(whole, *arguments, state_batch_indices=entries)
    assert torch.equal(y, expected)
    assert torch.equal(whole[entries], own)
    untouched = torch.tensor([0, 2, 4])
    assert torch.equal(whole[untouched], before[untouched])
