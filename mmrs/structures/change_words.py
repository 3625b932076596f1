"""What sentences about change say, as far as single words tell."""

from collections.abc import Iterable, Sequence

from .vocabulary import tokenize

__all__ = [
    'NO_CHANGE_SENTENCES',
    'WORD_CLASSES',
    'names_any',
    'tells_no_change',
]

#: The five references of every unchanged pair of LEVIR-CC and its relatives.
NO_CHANGE_SENTENCES = (
    'the scene is the same as before',
    'there is no difference',
    'the two scenes seem identical',
    'no change has occurred',
    'almost nothing has changed',
)

#: Words of LEVIR-CC's captions that name a kind of thing, or its removal.
WORD_CLASSES = dict(
    building=(
        'house houses villa villas building buildings residence residences '
        'residential roof roofs home homes apartment apartments mansion '
        'mansions dwelling dwellings factory warehouse garage bungalow '
        'construction structure structures'
    ).split(),
    road=(
        'road roads path paths street streets roundabout highway driveway '
        'lane alley freeway'
    ).split(),
    vegetation=(
        'tree trees forest forests wood woods vegetation grass grassland '
        'meadow plants bushes shrubs jungle greenery'
    ).split(),
    removal=(
        'removed demolished disappear disappears disappeared vanish vanished '
        'replaced replaces destroyed torn'
    ).split(),
)


def tells_no_change(
    sentence: str, sentences: Sequence[str] = NO_CHANGE_SENTENCES
) -> bool:
    """Whether a sentence is one of those that a data set has for no change.

    Case and punctuation do not matter.
    """
    words = _words(sentence)
    return any(words == _words(known) for known in sentences)


def names_any(captions: Iterable[str], words: Iterable[str]) -> bool:
    """Whether any of the captions has any of the words, in any case."""
    wanted = {word.lower() for word in words}
    return any(not wanted.isdisjoint(_words(c)) for c in captions)


def _words(sentence: str) -> list[str]:
    return [word.lower() for word in tokenize(sentence)]
