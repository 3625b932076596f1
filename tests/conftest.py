"""Fixtures and markers shared by all tests."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import mmrs  # noqa: F401  (prepares the import system before mmdet loads)

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


@pytest.fixture
def run_python() -> Callable[..., tuple[str, str]]:
    """Run code in a new interpreter; returns what it printed and warned.

    ``path`` is put in front of the import path.
    """

    def run(code: str, path: Path | None = None) -> tuple[str, str]:
        paths = [str(path)] if path else []
        env = dict(os.environ, PYTHONPATH=os.pathsep.join([*paths, str(ROOT)]))
        done = subprocess.run(
            [sys.executable, '-c', code],
            capture_output=True,
            text=True,
            env=env,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout, done.stderr

    return run


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
