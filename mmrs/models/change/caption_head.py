"""Learns to write captions, and writes them."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from mmrs.errors import InputError
from mmrs.registry import MODELS
from mmrs.structures import ChangeDataSample
from mmrs.structures.vocabulary import NULL

from .search import Caption, beam_search

__all__ = ['CaptionHead']


@MODELS.register_module()
class CaptionHead(BaseModule):
    """A decoder with its loss and its search.

    Args:
        decoder: A :class:`~mmrs.models.change.decoders.CaptionDecoder`; its
            `num_words` and `max_length` are set here.
        num_words: Size of the vocabulary, the special words included.
        max_length: The most words of a sentence, with ``<START>`` and
            ``<END>``.
        beams: Sentences that are tried at once; 1 is greedy search, which
            the papers report.
        label_smoothing: Share of the probability that is spread over all
            words; the papers have none.
        init_cfg: As of MMEngine's `BaseModule`.

    Raises:
        InputError: There are fewer words than beams.
    """

    def __init__(
        self,
        decoder: dict,
        num_words: int,
        max_length: int = 42,
        beams: int = 1,
        label_smoothing: float = 0.0,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if not 1 <= beams <= num_words:
            raise InputError(
                f'model.caption_head.beams={beams}; take 1 to '
                f'model.caption_head.num_words={num_words}'
            )
        self.num_words = num_words
        self.max_length = max_length
        self.beams = beams
        self.label_smoothing = label_smoothing
        sizes = dict(num_words=num_words, max_length=max_length)
        self.decoder = MODELS.build(dict(decoder, **sizes))

    def loss(
        self, tokens: Tensor, data_samples: Sequence[ChangeDataSample]
    ) -> dict[str, Tensor]:
        """Compare the scores of words with those of a reference sentence.

        Args:
            tokens: Visual tokens (B, N, D).
            data_samples: Have `gt_ids`.

        Returns:
            ``loss_caption``: cross-entropy, the mean over the words of all
            sentences. ``acc_word``: share of the words that get the highest
            score, 0 to 1.

        Raises:
            InputError: A sentence is missing, too long, or has a number that
                is no word of the vocabulary.
        """
        ids = self._pad(data_samples).to(tokens.device)
        logits = self.decoder(ids[:, :-1], tokens).float()
        targets = ids[:, 1:]
        is_word = targets != NULL
        loss = F.cross_entropy(
            logits[is_word],
            targets[is_word],
            label_smoothing=self.label_smoothing,
        )
        right = (logits.argmax(2) == targets)[is_word]
        return dict(loss_caption=loss, acc_word=right.float().mean())

    def predict(self, tokens: Tensor) -> list[Caption]:
        """Write one caption for the visual tokens (B, N, D) of each image."""
        return beam_search(self.decoder, tokens, self.beams, self.max_length)

    def _pad(self, data_samples: Sequence[ChangeDataSample]) -> Tensor:
        """Sentences as rows (B, T), padded with ``<NULL>``."""
        sentences = []
        for sample in data_samples:
            name = sample.get('sample_id', 'a pair')
            if 'gt_ids' not in sample:
                raise InputError(
                    f'{name} has no sentence to learn; add EncodeCaption to '
                    'train_pipeline'
                )
            ids = sample.gt_ids
            if len(ids) > self.max_length:
                raise InputError(
                    f'the sentence of {name} has {len(ids)} words, but '
                    f'model.caption_head.max_length={self.max_length}; make '
                    'it and the max_length of EncodeCaption agree'
                )
            if ids.max() >= self.num_words:
                raise InputError(
                    f'the sentence of {name} has the word number '
                    f'{int(ids.max())}, but '
                    f'model.caption_head.num_words={self.num_words}; set it '
                    'to the size of the vocabulary'
                )
            sentences.append(torch.as_tensor(ids))
        return pad_sequence(sentences, True, NULL)
