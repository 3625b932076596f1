import math
from itertools import product

import pytest
import torch
from caption_toys import KINDS, lively, visual_tokens

from mmrs.models.change.redecoding import search_by_redecoding
from mmrs.models.change.search import (
    Caption,
    as_released,
    beam_search,
    greedy_search,
)
from mmrs.structures.vocabulary import END, NULL, START

A, B, C, D, E, F = range(4, 10)


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('beams', [1, 2, 3])
def test_many_images_are_written_as_each_is_by_redecoding(kind, beams):
    captions = []
    for seed in range(8):
        decoder = lively(
            kind, seed, end=1.0, null=1.0, num_layers=1 + seed % 2
        )
        tokens = visual_tokens(5)
        written = beam_search(decoder, tokens, beams)
        for i, caption in enumerate(written):
            ids, score = search_by_redecoding(
                decoder, tokens[i : i + 1], beams, 9
            )
            assert caption.ids == ids
            assert caption.score == pytest.approx(score, abs=1e-3)
        captions += written
    # The cases were worth the comparison.
    assert {len(caption.ids) for caption in captions} >= {0, 1, 2, 9}
    assert {caption.is_finished for caption in captions} == {True, False}
    assert any(NULL in caption.ids[:-1] for caption in captions)


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('beams', [1, 3])
def test_many_images_are_written_as_each_alone(kind, beams):
    decoder = lively(kind, 3, end=1.0)
    tokens = visual_tokens(7)
    for i, caption in enumerate(beam_search(decoder, tokens, beams)):
        (alone,) = beam_search(decoder, tokens[i : i + 1], beams)
        assert alone.ids == caption.ids
        assert alone.score == pytest.approx(caption.score, abs=1e-4)
        assert alone.is_finished == caption.is_finished


@pytest.mark.parametrize('kind', KINDS)
@torch.no_grad()
def test_greedy_takes_the_best_word_in_every_step(kind):
    decoder = lively(kind, 1, end=1.0)
    tokens = visual_tokens(3)
    for i, caption in enumerate(greedy_search(decoder, tokens)):
        ids, score = [START], 0.0
        while len(ids) < 10 and ids[-1] != END:
            logits = decoder(torch.tensor([ids]), tokens[i : i + 1])[0, -1]
            ids.append(logits.argmax().item())
            score += logits.log_softmax(0).max().item()
        assert [START, *caption.ids, *[END] * caption.is_finished] == ids
        assert caption.score == pytest.approx(score, abs=1e-4)


class Table:
    """Knows the probabilities of the words behind each beginning.

    Args:
        tables: One an image: beginning -> word -> probability; the rest goes
            to a word of its own. Behind other beginnings, the sentence ends.
    """

    max_length = 6

    def __init__(self, *tables):
        self.tables = [
            {tuple(k): v for k, v in table.items()} for table in tables
        ]
        self.rows_read = []

    def start(self, tokens):
        assert len(tokens) == len(self.tables)
        return [(table, None) for table in self.tables]

    def step(self, ids, state):
        self.rows_read.append(len(state))
        state = [
            (table, () if said is None else (*said, word))
            for (table, said), word in zip(state, ids.tolist(), strict=True)
        ]
        rows = []
        for table, said in state:
            row = [1e-12] * 12
            for word, probability in table.get(said, {END: 1.0}).items():
                row[word] = probability
            row[11] += max(1 - sum(row), 0)
            rows.append(row)
        return torch.tensor(rows).log(), state

    def reorder(self, state, index):
        return [state[row] for row in index.flatten().tolist()]


def search(beams, *tables, **kwargs):
    decoder = Table(*tables)
    tokens = torch.zeros(len(tables), 1, 1)
    return beam_search(decoder, tokens, beams, **kwargs), decoder.rows_read


# The best sentence is 'b': 0.4 * 0.9 = 0.36; greedy finds 'a' of 0.2.
GARDEN_PATH = {(): {A: 0.5, B: 0.4}, (A,): {END: 0.4, C: 0.3, D: 0.3}} | {
    (B,): {END: 0.9}
}
# With two sentences, 'bc' (0.32) and the finished 'a' (0.12) are the best
# after two words. One sentence goes on: 'bcd' (0.192), not 'bce' (0.128),
# which would win in the end, as 'bcd' falls to 0.096.
NARROWING = {
    (): {A: 0.5, B: 0.4},
    (A,): {END: 0.24, C: 0.19, D: 0.19, E: 0.19, F: 0.19},
    (B,): {C: 0.8},
    (B, C): {D: 0.6, E: 0.4},
    (B, C, D): {END: 0.5, D: 0.2},
}


def test_beams_escape_a_garden_path():
    ((caption,), rows) = search(1, GARDEN_PATH)
    assert caption.ids == [A]
    assert caption.score == pytest.approx(math.log(0.2), abs=1e-5)
    assert rows == [1, 1]
    ((caption,), rows) = search(2, GARDEN_PATH)
    assert caption.ids == [B]
    assert caption.score == pytest.approx(math.log(0.36), abs=1e-5)
    assert caption.is_finished
    assert rows == [1, 2]  # both sentences ended


def test_an_ended_sentence_leaves_fewer_to_go_on():
    ((caption,), rows) = search(2, NARROWING)
    # Nor is the mean over words taken, by which 'bcd' would win.
    assert caption.ids == [A]
    assert caption.score == pytest.approx(math.log(0.12), abs=1e-5)
    assert len(rows) == 4
    # Of four, two end after two words, so that 'bcd' and 'bce' go on.
    ((caption,), _) = search(4, NARROWING)
    assert caption.ids == [B, C, E]
    assert caption.score == pytest.approx(math.log(0.128), abs=1e-5)


def test_a_finished_sentence_wins_over_better_unfinished_ones():
    table = {(): {A: 0.6, END: 0.3}, (A,): {B: 0.9}, (A, B): {C: 1.0}}
    ((caption,), _) = search(2, table, max_length=2)
    assert caption == Caption([], pytest.approx(math.log(0.3)), True)
    ((caption,), _) = search(1, table, max_length=2)
    assert caption == Caption([A, B], pytest.approx(math.log(0.54)), False)


def test_length_is_limited():
    endless = {
        words: {A: 0.9, B: 0.1}
        for length in range(7)
        for words in product((A, B), repeat=length)
    }
    ((caption,), rows) = search(1, endless)
    assert caption.ids == [A] * 6  # of the decoder
    assert not caption.is_finished
    ((caption,), rows) = search(2, endless, max_length=4)
    assert caption.ids == [A] * 4
    assert rows == [1, 2, 2, 2]


def test_images_that_are_done_are_not_read_on():
    short, long = {(): {END: 1.0}}, {(): {A: 1.0}, (A,): {B: 1.0}}
    captions, rows = search(1, short, long, short, GARDEN_PATH)
    assert [caption.ids for caption in captions] == [[], [A, B], [], [A]]
    assert rows == [4, 2, 1]


def test_special_words_as_the_releases_return_them():
    ended, open_end = Caption([7, 5], -1.0, True), Caption([7], -2.0, False)
    assert as_released(ended).tolist() == [START, 7, 5, END]
    assert as_released(open_end).tolist() == [START, 7]
    assert as_released(ended).dtype == torch.float32
