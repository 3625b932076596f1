"""Writes captions word by word: beam search, of which greedy is a case.

The search of the LEVIR-CC family of captioners, for many images at once.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from mmrs.structures.vocabulary import END, START

from .decoders import CaptionDecoder

__all__ = ['Caption', 'as_released', 'beam_search', 'greedy_search']


class Caption(NamedTuple):
    """A written sentence.

    Attributes:
        ids: Numbers of its words, without ``<START>`` and ``<END>``.
        score: Sum of the log probabilities of the words, and of ``<END>``
            where the sentence has one.
        is_finished: Whether it does.
    """

    ids: list[int]
    score: float
    is_finished: bool


def greedy_search(
    decoder: CaptionDecoder, tokens: Tensor, max_length: int | None = None
) -> list[Caption]:
    """Take the most probable word in every step; see :func:`beam_search`."""
    return beam_search(decoder, tokens, 1, max_length)


@torch.no_grad()
def beam_search(
    decoder: CaptionDecoder,
    tokens: Tensor,
    beams: int,
    max_length: int | None = None,
) -> list[Caption]:
    """Write a sentence for each image.

    In the first step the `beams` most probable words begin a sentence each.
    Later, the most probable continuations of all go on, as many as there are
    sentences; one that ends is taken out, and leaves fewer. Scores are sums of
    log probabilities, whatever the length. The best finished sentence wins,
    or the best one, where none is finished. An image is done as soon as the
    winner is certain.

    Args:
        decoder: In evaluation mode.
        tokens: Visual tokens (B, N, D).
        beams: Sentences that are tried at once for each image.
        max_length: The most words, with ``<END>``; by default those of the
            decoder.

    Returns:
        One caption an image.
    """
    max_length = max_length or decoder.max_length
    searches = [_Search(beams) for _ in tokens]
    active = list(range(len(tokens)))  # images that are not done
    state, width = decoder.start(tokens), 1
    words = torch.full((len(tokens),), START, device=tokens.device)
    scores = tokens.new_zeros(len(tokens), 1, dtype=torch.float32)
    for _ in range(max_length):
        logits, state = decoder.step(words, state)
        totals = logits.float().log_softmax(1).view(*scores.shape, -1)
        totals = totals + scores.unsqueeze(2)
        # Ended sentences have -inf, so they never go on.
        best, places = totals.flatten(1).topk(beams)
        parents = places // logits.shape[1]
        chosen = places % logits.shape[1]
        kept, scores = [], best.clone()
        told = zip(active, best.tolist(), parents.tolist(), chosen.tolist())
        for line, (image, *options) in enumerate(told):
            ended = searches[image].extend(*options)
            scores[line, ended] = -torch.inf
            if searches[image].num_open:
                kept.append(line)
        active = [active[line] for line in kept]
        if not active:
            break
        lines = torch.tensor(kept, device=tokens.device)
        rows = parents[lines] + lines.unsqueeze(1) * width
        state, width = decoder.reorder(state, rows), beams
        words, scores = chosen[lines].flatten(), scores[lines]
    return [search.best() for search in searches]


class _Search:
    """The sentences of one image.

    Args:
        beams: How many of them.
    """

    def __init__(self, beams: int) -> None:
        self.num_open = beams
        self.sentences = [[]]  # by row
        self.scores = [0.0]
        self.finished = []

    def extend(
        self, scores: list[float], parents: list[int], words: list[int]
    ) -> list[int]:
        """Take the best continuations, as many as there are sentences.

        Args:
            scores: Of the continuations, falling.
            parents: Rows of the sentences that are continued.
            words: By which words.

        Returns:
            Rows that do not go on.
        """
        open_rows, sentences = range(self.num_open), []
        closed = list(range(self.num_open, len(words)))
        for row, (score, parent, word) in enumerate(
            zip(scores, parents, words)
        ):
            sentence = self.sentences[parent]
            if row in open_rows and word == END:
                self.finished.append(Caption(sentence, score, True))
                self.num_open -= 1
                closed.append(row)
            sentences.append([*sentence, word])
        going = [row for row in open_rows if row not in closed]
        self.open = [Caption(sentences[i], scores[i], False) for i in going]
        self.sentences = sentences
        if self._is_decided():
            self.num_open = 0
        return closed

    def _is_decided(self) -> bool:
        """Whether no sentence can win any more: scores only fall."""
        if not self.finished or not self.open:
            return False
        return self.best().score >= max(c.score for c in self.open)

    def best(self) -> Caption:
        """The best finished sentence, or else the best one."""
        return max(self.finished or self.open, key=lambda c: c.score)


def as_released(caption: Caption) -> Tensor:
    """Numbers with the special words, float32, as the releases return them."""
    end = [END] * caption.is_finished
    return torch.tensor([START, *caption.ids, *end]).float()
