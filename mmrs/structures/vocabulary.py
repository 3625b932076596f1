"""Sentences as lists of words, and words as numbers.

The rules are those of the LEVIR-CC family of change captioning methods, so
that word numbers agree with released weights.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from mmrs.errors import InputError

__all__ = [
    'END',
    'NULL',
    'SPECIAL_WORDS',
    'START',
    'UNK',
    'Vocabulary',
    'tokenize',
]

#: Numbers of the special words.
NULL, UNK, START, END = range(4)
SPECIAL_WORDS = ('<NULL>', '<UNK>', '<START>', '<END>')


def tokenize(sentence: str) -> list[str]:
    """Split a sentence at blanks.

    Full stops and question marks are dropped, commas and semicolons become
    words of their own; case is kept.
    """
    for mark in ',;':
        sentence = sentence.replace(mark, f' {mark}')
    for mark in '?.':
        sentence = sentence.replace(mark, '')
    return [word for word in sentence.split(' ') if word]


class Vocabulary:
    """Numbered words.

    Args:
        words: All words, the four special ones first.

    Raises:
        InputError: The special words are not the first four, or a word is
            listed twice.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self._numbers = {word: i for i, word in enumerate(self.words)}
        if self.words[:4] != SPECIAL_WORDS:
            raise InputError(
                'the vocabulary begins with '
                f'{", ".join(map(str, self.words[:4]))}; its first four words '
                f'must be {", ".join(SPECIAL_WORDS)}'
            )
        if len(self._numbers) != len(self.words):
            twice, _ = Counter(self.words).most_common(1)[0]
            raise InputError(f'the vocabulary lists {twice!r} twice')

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        return word in self._numbers

    @classmethod
    def build(
        cls, sentences: Iterable[str], min_count: int = 5
    ) -> 'Vocabulary':
        """Number the words that occur at least `min_count` times, sorted."""
        counts = Counter(w for s in sentences for w in tokenize(s))
        kept = [word for word, count in counts.items() if count >= min_count]
        return cls([*SPECIAL_WORDS, *sorted(kept)])

    @classmethod
    def load(cls, path: str | Path) -> 'Vocabulary':
        """Read a JSON file of word -> number, as the authors release it.

        Raises:
            InputError: The file is missing or holds something else.
        """
        path = Path(path)
        if not path.is_file():
            raise InputError(f'{path}: no such vocabulary file')
        try:
            numbers = json.loads(path.read_text(encoding='utf-8'))
            words = sorted(numbers, key=numbers.__getitem__)
            is_complete = [numbers[w] for w in words] == list(
                range(len(words))
            )
        except (ValueError, AttributeError, TypeError) as error:
            raise InputError(
                f'{path}: not a vocabulary, a JSON object of word -> number'
            ) from error
        if not is_complete:
            raise InputError(
                f'{path}: the numbers of its words are not 0 to '
                f'{len(words) - 1}'
            )
        return cls(words)

    def save(self, path: str | Path) -> None:
        """Write a file that :meth:`load` reads."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self._numbers, indent=0), encoding='utf-8')

    def encode(self, sentence: str) -> list[int]:
        """Numbers of a sentence's words, from ``<START>`` to ``<END>``."""
        words = (self._numbers.get(word, UNK) for word in tokenize(sentence))
        return [START, *words, END]

    def decode(self, numbers: Iterable[int]) -> str:
        """Join words to a sentence, leaving out the special ones but UNK."""
        return ' '.join(
            self.words[i] for i in numbers if i not in (NULL, START, END)
        )
