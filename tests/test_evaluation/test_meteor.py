import itertools
import random

import pytest

from mmrs.evaluation.functional.meteor import (
    MatchCounts,
    match_counts,
    meteor,
    meteor_score,
)


def chunks_of(alignment):
    """Pieces of a list of (place in hypothesis, place in reference)."""
    pairs = sorted(alignment)
    return sum(
        i == 0 or (pairs[i - 1][0] + 1, pairs[i - 1][1] + 1) != pair
        for i, pair in enumerate(pairs)
    )


def by_trying_all(hypothesis, reference):
    """Matches and fewest chunks over all alignments."""
    options = [
        [None, *(j for j, other in enumerate(reference) if other == word)]
        for word in hypothesis
    ]
    best = (0, 0)
    for places in itertools.product(*options):
        taken = [place for place in places if place is not None]
        if len(set(taken)) < len(taken):
            continue
        alignment = [(i, j) for i, j in enumerate(places) if j is not None]
        best = min(best, (-len(taken), chunks_of(alignment)))
    return -best[0], best[1]


@pytest.mark.parametrize('seed', range(60))
def test_alignment_has_the_most_matches_and_fewest_chunks(seed):
    draw = random.Random(seed)
    hypothesis = draw.choices('abcd', k=draw.randint(1, 6))
    reference = draw.choices('abcde', k=draw.randint(1, 6))
    matches, chunks = by_trying_all(hypothesis, reference)
    if hypothesis == reference:
        chunks = 0
    assert match_counts(hypothesis, reference) == MatchCounts(
        matches, chunks, len(hypothesis), len(reference)
    )


def test_long_repetitions_are_matched_in_time():
    reference = 'the road and the house and the tree'.split()
    counts = match_counts(['the'] * 40, reference)
    assert counts == MatchCounts(3, 3, 40, 8)


def test_two_sentences_that_repeat_themselves():
    """Their alignments are too many to try all; the result is known."""
    reference = (
        'the houses and the roads of the villas and the trees in the forest '
        'and the grass of the park along the road are built on the land with '
        'the houses and the roads'
    ).split()
    hypothesis = 'the houses and the roads of'.split() * 6
    counts = match_counts(hypothesis, reference)
    assert counts == MatchCounts(21, 8, 36, 34)


def test_score_by_hand():
    # P = 3/4, R = 3/5, two chunks of three matches.
    precision, recall = 3 / 4, 3 / 5
    mean = precision * recall / (0.85 * precision + 0.15 * recall)
    expected = mean * (1 - 0.6 * (2 / 3) ** 0.2)
    assert meteor_score(MatchCounts(3, 2, 4, 5)) == pytest.approx(expected)
    assert meteor_score(MatchCounts(0, 0, 4, 5)) == 0
    assert meteor(['a b c'], [['x', 'a b c']]) == (1, [1])


def test_score_of_all_is_that_of_the_summed_counts():
    hypotheses, references = ['a b', 'a b c d'], [['a x'], ['a b c d']]
    total, scores = meteor(hypotheses, references)
    counts = MatchCounts(1 + 4, 1 + 0, 2 + 4, 2 + 4)
    assert total == pytest.approx(meteor_score(counts))
    assert total != pytest.approx(sum(scores) / 2)
