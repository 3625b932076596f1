import json

import pytest

from mmrs.errors import InputError
from mmrs.structures import Vocabulary, tokenize
from mmrs.structures.vocabulary import END, NULL, START, UNK

SPECIALS = ['<NULL>', '<UNK>', '<START>', '<END>']


@pytest.mark.parametrize(
    'sentence, words',
    [
        (' a road is built .', ['a', 'road', 'is', 'built']),
        ('houses, roads; trees', ['houses', ',', 'roads', ';', 'trees']),
        ('is it new? yes.', ['is', 'it', 'new', 'yes']),
        ('two  blanks', ['two', 'blanks']),
        (
            "Case and hyphen-ated don't",
            ['Case', 'and', 'hyphen-ated', "don't"],
        ),
        (' . ?', []),
    ],
)
def test_tokens(sentence, words):
    assert tokenize(sentence) == words


def test_words_are_counted_and_sorted():
    sentences = ['b b b a a', 'B a ,', 'c, c .']
    vocabulary = Vocabulary.build(sentences, min_count=2)
    # A comma sorts before letters, capitals before small ones; B is rare.
    assert vocabulary.words == (*SPECIALS, ',', 'a', 'b', 'c')
    assert len(Vocabulary.build(sentences, min_count=3)) == 4 + 2
    assert len(Vocabulary.build(sentences, min_count=1)) == 4 + 5


def test_numbers_of_a_sentence():
    vocabulary = Vocabulary.build(['some road', 'a road'], min_count=1)
    ids = vocabulary.encode(' a long road .')
    assert ids == [START, 4, UNK, 5, END]
    assert vocabulary.decode([*ids, NULL]) == 'a <UNK> road'
    assert 'some' in vocabulary
    assert 'long' not in vocabulary


def test_file_is_word_to_number(tmp_path):
    vocabulary = Vocabulary.build(['the road , the house'], min_count=1)
    path = tmp_path / 'new/vocab.json'
    vocabulary.save(path)
    numbers = json.loads(path.read_text())
    assert numbers == {w: i for i, w in enumerate(vocabulary.words)}
    # The order in the file does not matter.
    path.write_text(json.dumps(dict(reversed(numbers.items()))))
    assert Vocabulary.load(path).words == vocabulary.words


@pytest.mark.parametrize(
    'content, message',
    [
        ('["a", "b"]', 'not a vocabulary'),
        ('{"a": 0,', 'not a vocabulary'),
        ('{"a": "x", "b": 1}', 'not a vocabulary'),
        ('{"<NULL>": 0, "<UNK>": 1, "<START>": 2, "<END>": 5}', '0 to 3'),
        ('{"<pad>": 0, "a": 1}', 'its first four words must be <NULL>'),
    ],
)
def test_other_files_are_refused(content, message, tmp_path):
    path = tmp_path / 'vocab.json'
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        Vocabulary.load(path)


def test_missing_file_and_double_word(tmp_path):
    with pytest.raises(InputError, match=r'gone\.json: no such vocabulary'):
        Vocabulary.load(tmp_path / 'gone.json')
    with pytest.raises(InputError, match="lists 'road' twice"):
        Vocabulary([*SPECIALS, 'road', 'house', 'road'])
