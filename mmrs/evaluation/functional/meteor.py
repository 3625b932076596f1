"""METEOR with exact matches alone, without Java.

METEOR 1.5 (Denkowski and Lavie, WMT 2014) also matches stems, synonyms and
paraphrases. On sentences of numbers, as the LEVIR-CC family scores them, none
of these applies, and the formula below is what is left of it.
"""

from collections import Counter
from collections.abc import Sequence
from heapq import nlargest
from operator import itemgetter
from typing import NamedTuple

__all__ = ['MatchCounts', 'match_counts', 'meteor', 'meteor_score']

RECALL_WEIGHT = 0.85
PENALTY_WEIGHT, PENALTY_POWER = 0.6, 0.2
#: Alignments of a pair of sentences that are followed at once.
MAX_STATES = 500


class MatchCounts(NamedTuple):
    """How two sentences match.

    Attributes:
        matches: Words of either that are matched with one of the other.
        chunks: Least number of pieces into which the matched words fall, so
            that within a piece they follow each other in both sentences.
        hypothesis: Words of the hypothesis.
        reference: Words of the reference.
    """

    matches: int
    chunks: int
    hypothesis: int
    reference: int


def match_counts(
    hypothesis: Sequence[str], reference: Sequence[str]
) -> MatchCounts:
    """Match as many words as possible, in as few chunks as possible.

    The chunk of two equal sentences counts as none.
    """
    lengths = len(hypothesis), len(reference)
    matches = sum((Counter(hypothesis) & Counter(reference)).values())
    if tuple(hypothesis) == tuple(reference):
        return MatchCounts(matches, 0, *lengths)
    return MatchCounts(
        matches, _fewest_chunks(hypothesis, reference), *lengths
    )


def _fewest_chunks(hypothesis: Sequence[str], reference: Sequence[str]) -> int:
    """Least chunks of an alignment with the most matches.

    Walks over the hypothesis and keeps the best alignment for each set of
    taken words of the reference and each place where its last chunk ends.
    Their number explodes where both sentences repeat several words over and
    over; then, as in METEOR, only the best of them are followed.
    """
    places, masks = {}, Counter()
    for place, word in enumerate(reference):
        places.setdefault(word, []).append(place)
        masks[word] |= 1 << place
    matches = (Counter(hypothesis) & Counter(reference)).total()
    # How many of each word have no match in the end.
    spare = Counter(hypothesis) - Counter(reference)
    seen = Counter()
    best = {(0, None): 0}  # (taken, next place of the chunk) -> words joined
    for word in hypothesis:
        following = {}
        for (taken, expected), joined in best.items():
            options = [
                (taken | 1 << place, place + 1, joined + (place == expected))
                for place in places.get(word, ())
                if not taken >> place & 1
            ]
            unmatched = seen[word] - (taken & masks[word]).bit_count()
            if unmatched < spare[word]:
                options.append((taken, None, joined))
            for *state, new in options:
                state = tuple(state)
                following[state] = max(new, following.get(state, 0))
        seen[word] += 1
        best = following
        if len(best) > MAX_STATES:
            kept = nlargest(MAX_STATES, best.items(), key=itemgetter(1))
            best = dict(kept)
    return matches - max(best.values())


def meteor_score(counts: MatchCounts) -> float:
    """Score of summed or single counts, 0 to 1."""
    matches, chunks, hypothesis, reference = counts
    if not matches:
        return 0.0
    precision, recall = matches / hypothesis, matches / reference
    weighted = RECALL_WEIGHT * precision + (1 - RECALL_WEIGHT) * recall
    penalty = PENALTY_WEIGHT * (chunks / matches) ** PENALTY_POWER
    return precision * recall / weighted * (1 - penalty)


def meteor(
    hypotheses: Sequence[str], references: Sequence[Sequence[str]]
) -> tuple[float, list[float]]:
    """Score sentences of words separated by blanks.

    Of each hypothesis the reference counts that gives the best score. The
    score of all is that of the summed counts, not the mean of the scores.

    Args:
        hypotheses: One sentence each.
        references: All references of each.

    Returns:
        The score of all, and of each hypothesis, 0 to 1.
    """
    chosen = []
    for hypothesis, options in zip(hypotheses, references):
        words = hypothesis.split()
        counts = [match_counts(words, option.split()) for option in options]
        chosen.append(max(counts, key=meteor_score))
    total = MatchCounts(*map(sum, zip(*chosen)))
    return meteor_score(total), [meteor_score(counts) for counts in chosen]
