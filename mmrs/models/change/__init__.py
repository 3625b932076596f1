"""Networks that read change off two images: the rooms of three methods."""

from .data_preprocessor import ChangeDataPreprocessor

__all__ = ['ChangeDataPreprocessor']
