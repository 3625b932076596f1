"""Scores of change captions, beside those of systems that see nothing."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from rich import box
from rich.console import Console
from rich.table import Table

from mmrs.errors import InputError
from mmrs.evaluation.functional.caption_scores import (
    PROTOCOLS,
    check_scorers,
    cider_d,
    has_java,
    score_captions,
    tokenize_as_coco,
)
from mmrs.registry import METRICS
from mmrs.structures import NO_CHANGE_SENTENCES, Vocabulary, tells_no_change
from mmrs.structures.vocabulary import tokenize

CHANGE_SENTENCE = 'many houses are built along the road'


class CaptionedPair(NamedTuple):
    """What the metric keeps of a pair.

    Attributes:
        name: Of the pair.
        predicted: The predicted sentence.
        references: The true ones.
        has_change: Whether they tell of a change.
    """

    name: str
    predicted: str
    references: tuple[str, ...]
    has_change: bool


@METRICS.register_module()
class ChangeCaptionMetric(BaseMetric):
    """BLEU, METEOR, ROUGE-L, CIDEr-D and their mean, and who sees a change.

    Half of the pairs of the usual data sets are unchanged, and a constant
    sentence scores well on them. So the scores are also told on the changed
    pairs alone, and for three systems that do not look at the images: one
    that always says the first no-change sentence; one that knows which pairs
    changed and has one sentence for them (``'many houses are built along the
    road'`` or, where no reference says so, the most frequent caption of a
    change); and the constant sentence with the best CIDEr-D.

    The scores are those of pycocoevalcap, without its tokenizer but for the
    protocol ``'coco'``. They are times 100. CIDEr-D weighs words by how rare
    they are in the references of the same pairs: on unchanged pairs alone it
    is 0, and not told.

    Args:
        protocol: ``'ids'``: sentences of word numbers, unknown words alike,
            as RSCaMa, MCI and their relatives report; METEOR matches exactly.
            ``'words'``: the words themselves, METEOR 1.5 in Java.
            ``'coco'``: as COCO's evaluation, all in Java. Without Java the
            last two leave METEOR and S_m out, or cannot run.
        num_constants: The most frequent references that are tried for the
            best constant sentence.
        out_file: Receives the predicted sentence of each pair, as JSON.
        **kwargs: Of :class:`mmengine.evaluator.BaseMetric`.

    Raises:
        InputError: The protocol is unknown, or takes Java, which is absent,
            or pycocoevalcap is not installed.
    """

    default_prefix = 'caption'

    def __init__(
        self,
        protocol: str = 'ids',
        num_constants: int = 20,
        out_file: str | None = None,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        if protocol not in PROTOCOLS:
            raise InputError(
                f'ChangeCaptionMetric.protocol={protocol!r} is none of '
                f'{", ".join(PROTOCOLS)}'
            )
        if protocol == 'coco' and not has_java():
            raise InputError(
                "ChangeCaptionMetric.protocol='coco' runs COCO's tokenizer "
                "in Java, and there is none; install Java, or take 'ids' or "
                "'words'"
            )
        check_scorers()
        if protocol == 'words' and not has_java():
            MMLogger.get_current_instance().warning(
                "METEOR and S_m of protocol='words' are left out: they take "
                'Java, and there is none'
            )
        self.protocol = protocol
        self.num_constants = num_constants
        self.out_file = None if out_file is None else Path(out_file)
        self._trivial = (None, None)  # references, and the scores on them

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Note the predicted and the true sentences of each pair.

        Args:
            data_batch: Not used.
            data_samples: With ``pred_ids``, ``captions``, ``sample_id`` and
                ``has_change``.

        Raises:
            InputError: A pair has no prediction or no references.
        """
        vocabulary = self._vocabulary()
        for sample in data_samples:
            if 'pred_ids' not in sample:
                raise InputError(
                    'the model predicts no captions, which '
                    'ChangeCaptionMetric scores; take it out of '
                    'val_evaluator and test_evaluator, or give the model a '
                    'caption_head'
                )
            if not sample.get('captions'):
                raise InputError(
                    f'the pair {sample.get("sample_id")} has no reference '
                    'captions to score against'
                )
            predicted = vocabulary.decode(sample['pred_ids'])
            captions = tuple(sample['captions'])
            self.results.append(
                CaptionedPair(
                    str(sample.get('sample_id')),
                    predicted,
                    captions,
                    bool(sample.get('has_change', self._tells(captions))),
                )
            )

    def compute_metrics(self, results: list[tuple]) -> dict[str, float]:
        """Score all pairs, the changed ones, and the trivial systems."""
        # MMEngine collects named tuples as plain ones.
        results = [CaptionedPair(*pair) for pair in results]
        predicted = [pair.predicted for pair in results]
        if self.out_file is not None:
            self._write(results)
        rows = {'all pairs': self._score(results, predicted)}
        changed = [pair for pair in results if pair.has_change]
        if changed:
            rows['changed pairs'] = self._score(
                changed, [pair.predicted for pair in changed]
            )
        trivial = self._trivial_systems(results)
        accuracies = self._accuracies(results)
        self._print(rows | trivial, accuracies, results)
        figures = dict(rows['all pairs'], **accuracies)
        for name, value in rows.get('changed pairs', {}).items():
            figures[f'change_{name}'] = value
        for system, scores in trivial.items():
            system = system.partition(':')[0]
            for name in ('CIDEr-D', 'S_m'):
                if name in scores:
                    figures[f'{system}_{name}'] = scores[name]
        return figures

    def _vocabulary(self) -> Vocabulary:
        words = (self.dataset_meta or {}).get('vocabulary')
        if words is None:
            raise InputError(
                "the data set's metainfo has no vocabulary, which word "
                'numbers are read with; use a data set of captioned pairs in '
                'val_dataloader and test_dataloader'
            )
        return Vocabulary(words)

    def _no_change(self) -> Sequence[str]:
        return (self.dataset_meta or {}).get(
            'no_change_sentences', NO_CHANGE_SENTENCES
        )

    def _tells(self, captions: Sequence[str]) -> bool:
        """Whether the first caption tells of a change, as MCI decides it."""
        return not tells_no_change(captions[0], self._no_change())

    def _score(
        self, pairs: Sequence[CaptionedPair], sentences: Sequence[str]
    ) -> dict[str, float]:
        references = self._references(pairs)
        sentences = self._prepare(sentences)
        return score_captions(sentences, references, self.protocol)

    def _references(self, pairs: Sequence[CaptionedPair]) -> list[list[str]]:
        flat = [s for pair in pairs for s in pair.references]
        prepared = iter(self._prepare(flat))
        return [[next(prepared) for _ in p.references] for p in pairs]

    def _prepare(self, sentences: Sequence[str]) -> list[str]:
        """Write sentences as the protocol scores them."""
        if self.protocol == 'coco':
            return tokenize_as_coco(sentences)
        if self.protocol == 'words':
            return [' '.join(tokenize(sentence)) for sentence in sentences]
        encode = self._vocabulary().encode
        return [' '.join(map(str, encode(s)[1:-1])) for s in sentences]

    def _accuracies(self, pairs: Sequence[CaptionedPair]) -> dict[str, float]:
        """Share of the pairs of each kind that are told to be of it."""
        figures = {}
        for name, has_change in (
            ('change_acc', True),
            ('nochange_acc', False),
        ):
            kind = [pair for pair in pairs if pair.has_change == has_change]
            right = sum(
                tells_no_change(pair.predicted, self._no_change())
                != has_change
                for pair in kind
            )
            if kind:
                figures[name] = 100 * right / len(kind)
        return figures

    def _trivial_systems(
        self, pairs: Sequence[CaptionedPair]
    ) -> dict[str, dict[str, float]]:
        """Score the systems that do not look; once for the same pairs."""
        key = [(pair.name, pair.references) for pair in pairs]
        if self._trivial[0] != key:
            self._trivial = key, self._score_trivial_systems(pairs)
        return self._trivial[1]

    def _score_trivial_systems(
        self, pairs: Sequence[CaptionedPair]
    ) -> dict[str, dict[str, float]]:
        same = self._no_change()[0]
        told = Counter(s for p in pairs for s in p.references)
        of_change = Counter(
            s for p in pairs if p.has_change for s in p.references
        )
        changed = CHANGE_SENTENCE
        if changed not in of_change:
            changed = max(of_change, key=of_change.get, default=same)
        flagged = [changed if pair.has_change else same for pair in pairs]
        tried = [s for s, _ in told.most_common(self.num_constants)]
        references = self._references(pairs)
        best = max(
            zip(tried, self._prepare(tried)),
            key=lambda pair: cider_d([pair[1]] * len(pairs), references),
        )[0]
        systems = dict(
            constant=[same] * len(pairs),
            true_flag=flagged,
            best_constant=[best] * len(pairs),
        )
        shown = dict(constant=same, true_flag=changed, best_constant=best)
        return {
            f'{name}: {shown[name]}': self._score(pairs, sentences)
            for name, sentences in systems.items()
        }

    def _print(
        self,
        rows: dict[str, dict[str, float]],
        accuracies: dict[str, float],
        pairs: Sequence[CaptionedPair],
    ) -> None:
        names = list(next(iter(rows.values())))
        table = Table('', *names, box=box.ASCII)
        for row, scores in rows.items():
            table.add_row(row, *(f'{scores[name]:.2f}' for name in names))
        console = Console(width=160)
        with console.capture() as capture:
            console.print(table)
        told = ', '.join(f'{k} {v:.2f}' for k, v in accuracies.items())
        MMLogger.get_current_instance().info(
            f'captions of {len(pairs)} pairs, protocol {self.protocol}, '
            f'{len(self._vocabulary())} words; {told}\n{capture.get()}'
        )

    def _write(self, pairs: Sequence[CaptionedPair]) -> None:
        self.out_file.parent.mkdir(parents=True, exist_ok=True)
        told = {pair.name: pair.predicted for pair in pairs}
        self.out_file.write_text(
            json.dumps(told, indent=1, ensure_ascii=False), encoding='utf-8'
        )
