import pytest

from mmrs.structures import WORD_CLASSES, tells_no_change
from mmrs.structures.change_words import names_any


@pytest.mark.parametrize(
    'sentence, is_one',
    [
        (' the scene is the same as before .', True),
        ('There is no difference', True),
        ('there is no difference in the road', False),
        ('a house is built', False),
    ],
)
def test_sentences_of_no_change(sentence, is_one):
    assert tells_no_change(sentence) is is_one


def test_own_sentences_of_no_change():
    assert tells_no_change('Nothing new.', ['nothing new'])
    assert not tells_no_change('there is no difference', ['nothing new'])


def test_whole_words_count():
    words = WORD_CLASSES['building']
    assert names_any(['a road', 'Houses appear .'], words)
    assert not names_any(['a greenhouse appears', 'a road'], words)
    assert not names_any([], words)
