"""The curriculum's draws: stages, shares, several processes, resuming."""

from collections import Counter

import numpy as np
import pytest

from mmrs.datasets.samplers import Curriculum, CurriculumSampler
from mmrs.datasets.samplers import curriculum as module
from mmrs.errors import InputError


class Images:
    """Images of which some are noisy, the difficulty rising with the index."""

    def __init__(self, clean=30, noisy=20):
        self.subsets = ['clean'] * clean + ['noisy'] * noisy

    def __len__(self):
        return len(self.subsets)

    def get_data_info(self, index):
        difficulty = index / len(self)
        return dict(
            sample_id=f'image_{index}',
            subset=self.subsets[index],
            difficulty=difficulty,
        )


def make(monkeypatch=None, rank=0, world=1, dataset=None, **options):
    if monkeypatch:
        monkeypatch.setattr(module, 'get_dist_info', lambda: (rank, world))
    return CurriculumSampler(
        dataset or Images(), **dict(dict(seed=3), **options)
    )


def draw(iters=400, batch_size=8, **options):
    """All draws of an iteration-based training, (iterations, batch)."""
    sampler = make(**options)
    sampler.plan(batch_size, max_iters=iters)
    return np.array(list(sampler)).reshape(iters, batch_size)


def test_first_stage_is_clean_and_the_last_has_all():
    draws = draw()
    assert (draws[:100] < 30).all()
    assert (draws[100:110] >= 30).any()
    assert set(draws[300:].ravel()) == set(range(50))


def test_share_of_noisy_draws_follows_the_pacing():
    curriculum = Curriculum()
    draws = draw(iters=4000, min_clean_ratio=0.0)
    for start in range(1000, 4000, 250):
        pool = [
            np.ceil(20 * curriculum.share(t / 4000))
            for t in range(start, start + 250)
        ]
        expected = np.mean([n / (30 + n) for n in pool])
        seen = (draws[start : start + 250] >= 30).mean()
        assert seen == pytest.approx(expected, abs=0.002)
        # The easiest of the noisy images alone take part.
        assert draws[start : start + 250].max() < 30 + max(pool)


def test_clean_images_keep_their_share():
    dataset = Images(clean=10, noisy=90)
    draws = draw(dataset=dataset, iters=800, min_clean_ratio=0.5)
    late = (draws[600:] < 10).mean(1)
    assert late.mean() == 0.5
    assert (draws[600:] >= 10).sum(1).max() <= 4


def test_no_image_comes_again_before_all_have_come():
    draws = draw(iters=100, batch_size=10)[:24].ravel()
    for start in range(0, 240, 30):
        assert sorted(draws[start : start + 30]) == list(range(30))
    noisy = [i for i in draw(iters=400)[300:].ravel() if i >= 30]
    # The first pass of the last stage may have begun in the one before.
    gaps = Counter(noisy)
    assert max(gaps.values()) - min(gaps.values()) <= 2


def global_batches(monkeypatch, world, iters, batch=8, skip=0):
    """What each iteration draws on all processes together, sorted."""
    ranks = []
    for rank in range(world):
        sampler = make(monkeypatch, rank, world)
        sampler.plan(batch // world, max_iters=iters)
        sampler.skip(skip * batch // world)
        draws = list(sampler)
        ranks.append(np.array(draws).reshape(iters - skip, batch // world))
    return np.sort(np.concatenate(ranks, axis=1), axis=1)


def test_two_processes_draw_what_one_draws(monkeypatch):
    one = global_batches(monkeypatch, world=1, iters=200)
    two = global_batches(monkeypatch, world=2, iters=200)
    assert np.array_equal(one, two)


def test_both_processes_get_noisy_images(monkeypatch):
    shares = []
    for rank in range(2):
        sampler = make(monkeypatch, rank, 2)
        sampler.plan(4, max_iters=400)
        shares.append(np.mean(np.array(list(sampler))[1200:] >= 30))
    assert shares[0] == pytest.approx(shares[1], abs=0.08)


@pytest.mark.parametrize('world', [1, 2])
def test_resumed_in_the_middle_of_a_stage(monkeypatch, world):
    whole = global_batches(monkeypatch, world, iters=200)
    rest = global_batches(monkeypatch, world, iters=200, skip=117)
    assert np.array_equal(whole[117:], rest)


@pytest.mark.parametrize('world', [1, 2])
def test_epochs_are_of_constant_length(monkeypatch, world):
    streams = []
    for rank in range(world):
        sampler = make(monkeypatch, rank, world, Images(30, 21))
        length = len(sampler)
        sampler.plan(8 // world, max_epochs=12)
        epochs = []
        for epoch in (*range(12), 7):
            sampler.set_epoch(epoch)
            epochs.append(list(sampler))
            assert len(epochs[-1]) == len(sampler) == length
        assert epochs[7] == epochs[12]  # whatever was drawn before
        streams.append(epochs)
    assert length == -(-51 // world)
    merged = [sum((s[e] for s in streams), []) for e in range(12)]
    assert all(i < 30 for epoch in merged[:3] for i in epoch)
    assert any(i >= 30 for i in merged[3])


def test_epochs_hold_the_same_batches_on_two_processes(monkeypatch):
    def batches(world):
        ranks = []
        for rank in range(world):
            sampler = make(monkeypatch, rank, world)
            sampler.plan(8 // world, max_epochs=6)
            draws = []
            for epoch in range(6):
                sampler.set_epoch(epoch)
                one = list(sampler)
                size = 8 // world
                draws += [one[i : i + size] for i in range(0, len(one), size)]
            ranks.append(draws)
        return [sorted(sum(parts, [])) for parts in zip(*ranks)]

    assert batches(1) == batches(2)


def test_another_seed_draws_otherwise():
    assert np.array_equal(draw(), draw())
    assert not np.array_equal(draw(), draw(seed=4))


def test_orders_for_comparison_have_the_same_budget():
    anti = draw(order='anti')
    assert set(anti[:100].ravel()) >= set(range(30, 50))
    random = draw(order='random')
    assert len(set(random[:100].ravel())) == 30
    assert (random[:100] >= 30).any()


def test_scores_rank_the_noisy_images_anew():
    sampler = make()
    sampler.plan(8, max_iters=400)
    sampler.set_difficulty([0] * 30 + list(range(20, 0, -1)))
    early = [i for i in list(sampler)[800:840] if i >= 30]
    assert early and min(early) >= 45


def test_pacing_by_hand():
    def share(x, **pacing):
        stages = [dict(until=1.0, noisy='pacing')]
        return Curriculum(stages, pacing).share(x)

    assert share(0.5, type='linear') == pytest.approx(0.6)
    assert share(0.5, type='root') == pytest.approx((0.04 + 0.48) ** 0.5)
    assert share(0.5, type='exp', c0=0.25) == pytest.approx(0.5)
    assert share(0.0, type='step') == 1
    for kind in ('linear', 'root', 'exp'):
        assert share(0.0, type=kind) == pytest.approx(0.2)
        assert share(1.0, type=kind) == pytest.approx(1.0)


def test_stages_are_numbered_from_one():
    stages = [Curriculum().stage(t) for t in (0, 0.24, 0.25, 0.74, 0.75, 1)]
    assert stages == [1, 1, 2, 2, 3, 3]


def test_all_clean_images_are_drawn_evenly(caplog):
    draws = draw(dataset=Images(20, 0), iters=50)
    assert set(Counter(draws.ravel()).values()) == {20}


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(dataset=Images(0, 5)), 'no image of the training set is clean'),
        (dict(order='up'), "order='up' is none of"),
        (dict(min_clean_ratio=2), 'min_clean_ratio must be between 0 and 1'),
        (dict(pacing=dict(type='fast')), "type='fast' is none of"),
        (dict(pacing=dict(c0=0)), 'c0 must be above 0'),
        (dict(stages=[dict(until=0.5, noisy=1)]), '`until` must rise to 1'),
        (dict(stages=[dict(until=1, noisy=2)]), '`noisy` must be'),
    ],
)
def test_wrong_arguments_are_named(options, message):
    with pytest.raises(InputError, match=message):
        make(**options)


def test_images_without_a_subset_are_named():
    dataset = Images()
    dataset.subsets[4] = None
    with pytest.raises(InputError, match='image_4: its subset is None'):
        make(dataset=dataset)


def test_without_a_plan_the_hook_is_named():
    with pytest.raises(InputError, match='CurriculumHook'):
        next(iter(make()))
