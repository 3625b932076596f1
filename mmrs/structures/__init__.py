"""What data sets, models and metrics hand each other."""

from .change_sample import ChangeDataSample
from .change_words import NO_CHANGE_SENTENCES, WORD_CLASSES, tells_no_change
from .gen_sample import GenDataSample
from .vocabulary import Vocabulary, tokenize

__all__ = [
    'NO_CHANGE_SENTENCES',
    'WORD_CLASSES',
    'ChangeDataSample',
    'GenDataSample',
    'Vocabulary',
    'tells_no_change',
    'tokenize',
]
