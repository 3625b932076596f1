"""The scores of captions: pycocoevalcap's, and METEOR without Java."""

import shutil
from collections.abc import Sequence
from importlib.util import find_spec

from mmrs.errors import InputError

from .meteor import meteor

__all__ = [
    'PROTOCOLS',
    'check_scorers',
    'cider_d',
    'has_java',
    'score_captions',
    'tokenize_as_coco',
]

#: Sentences of word numbers; of words; of words as COCO tokenizes them.
PROTOCOLS = ('ids', 'words', 'coco')


def has_java() -> bool:
    """Whether there is a Java for METEOR and COCO's tokenizer."""
    return shutil.which('java') is not None


def check_scorers() -> None:
    """See to it that the scorers are there before a model is run.

    Raises:
        InputError: pycocoevalcap is not installed.
    """
    if find_spec('pycocoevalcap') is None:
        raise InputError(
            'the scores of captions need pycocoevalcap: pip install '
            '"mmrs[change]"'
        )


def score_captions(
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
    protocol: str = 'ids',
) -> dict[str, float]:
    """Score a set of captions.

    Args:
        hypotheses: One sentence each, of words separated by blanks.
        references: All references of each.
        protocol: One of `PROTOCOLS`. It chooses METEOR: exact matches for
            ``'ids'``, else METEOR 1.5 in Java.

    Returns:
        ``BLEU-1`` to ``BLEU-4``, ``ROUGE-L``, ``METEOR``, ``CIDEr-D`` and
        ``S_m``, the mean of BLEU-4, METEOR, ROUGE-L and CIDEr-D (written
        S*m in papers); all times 100. Without Java METEOR and S_m are left
        out of the other protocols.
    """
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.rouge.rouge import Rouge

    truth, result = _as_dicts(hypotheses, references)
    bleu, _ = Bleu(4).compute_score(truth, result, verbose=0)
    scores = {f'BLEU-{n + 1}': value for n, value in enumerate(bleu)}
    scores['ROUGE-L'], _ = Rouge().compute_score(truth, result)
    scores['CIDEr-D'] = cider_d(hypotheses, references) / 100
    if protocol == 'ids':
        scores['METEOR'], _ = meteor(hypotheses, references)
    elif has_java():
        scores['METEOR'] = _java_meteor(truth, result)
    if 'METEOR' in scores:
        parts = ('BLEU-4', 'METEOR', 'ROUGE-L', 'CIDEr-D')
        scores['S_m'] = sum(scores[name] for name in parts) / len(parts)
    return {name: 100 * float(value) for name, value in scores.items()}


def cider_d(
    hypotheses: Sequence[str], references: Sequence[Sequence[str]]
) -> float:
    """CIDEr-D alone, times 100; arguments as of :func:`score_captions`."""
    from pycocoevalcap.cider.cider import Cider

    truth, result = _as_dicts(hypotheses, references)
    return 100 * float(Cider().compute_score(truth, result)[0])


def _as_dicts(
    hypotheses: Sequence[str], references: Sequence[Sequence[str]]
) -> tuple[dict, dict]:
    """References and hypotheses as pycocoevalcap takes them."""
    truth = {i: list(sentences) for i, sentences in enumerate(references)}
    return truth, {i: [sentence] for i, sentence in enumerate(hypotheses)}


def _java_meteor(truth: dict, result: dict) -> float:
    from pycocoevalcap.meteor.meteor import Meteor

    scorer = Meteor()
    try:
        return scorer.compute_score(truth, result)[0]
    finally:
        scorer.meteor_p.kill()
        scorer.meteor_p.wait()


def tokenize_as_coco(sentences: Sequence[str]) -> list[str]:
    """Split sentences as COCO's evaluation does: lower case, no punctuation.

    Needs Java.
    """
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    captions = {i: [dict(caption=s)] for i, s in enumerate(sentences)}
    tokenized = PTBTokenizer().tokenize(captions)
    return [tokenized[i][0] for i in range(len(sentences))]
