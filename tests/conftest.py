"""Fixtures and markers shared by all tests."""

from pathlib import Path

import pytest
import torch

import mmrs  # noqa: F401  (prepares the import system before mmdet loads)

pytest_plugins = ['margins']
ROOT = Path(__file__).resolve().parents[1]


def pytest_collection_modifyitems(items):
    """Skip the tests marked `gpu` where no CUDA device is visible."""
    if torch.cuda.is_available():
        return
    skip = pytest.mark.skip(reason='needs a CUDA device')
    for item in items:
        if 'gpu' in item.keywords:
            item.add_marker(skip)


@pytest.fixture
def repo_root() -> Path:
    """The root of the checkout."""
    return ROOT


def _beside(folder: str) -> Path:
    path = ROOT.parent / 'shared' / folder
    if not path.exists():
        pytest.skip(f'needs ../shared/{folder} beside the checkout')
    return path


@pytest.fixture
def shared_data() -> Path:
    """Real data kept beside the checkout; skips where it is absent."""
    return _beside('data')


@pytest.fixture
def shared_golden() -> Path:
    """Parity vectors kept beside the checkout; skips where absent."""
    return _beside('golden')
