"""What data sets, models and metrics hand each other."""

from .change_sample import ChangeDataSample
from .vocabulary import Vocabulary, tokenize

__all__ = ['ChangeDataSample', 'Vocabulary', 'tokenize']
