"""Fabricated distributions and interpreters of their own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def run_python() -> Callable[..., tuple[str, str]]:
    """Run code in a new interpreter; returns what it printed and warned.

    ``path`` is put in front of the import path.
    """

    def run(code: str, path: Path | None = None) -> tuple[str, str]:
        env = dict(os.environ)
        if path:
            env['PYTHONPATH'] = str(path)
        done = subprocess.run(
            [sys.executable, '-c', code],
            capture_output=True,
            text=True,
            env=env,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout, done.stderr

    return run


@pytest.fixture
def make_distribution(tmp_path) -> Callable[..., None]:
    """Fabricate the metadata of an installed distribution in ``tmp_path``."""

    def make(
        name: str, version: str, owns: str = '', requires: tuple[str, ...] = ()
    ) -> None:
        folder = tmp_path / f'{name.replace("-", "_")}-{version}.dist-info'
        folder.mkdir()
        lines = ['Metadata-Version: 2.1', f'Name: {name}']
        lines += [f'Version: {version}']
        lines += [f'Requires-Dist: {line}' for line in requires]
        (folder / 'METADATA').write_text('\n'.join(lines) + '\n')
        (folder / 'top_level.txt').write_text(owns)

    return make
