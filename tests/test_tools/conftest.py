"""Runs the tools as a user does, on a toy method."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.fixture
def toy_config() -> str:
    return str(HERE / 'toy_config.py')


@pytest.fixture(scope='session')
def run():
    """Run a command in the checkout; toy_room can be imported there."""
    env = dict(
        os.environ,
        PATH=f'{Path(sys.executable).parent}:{os.environ["PATH"]}',
        PYTHONPATH=f'{HERE}{os.pathsep}{ROOT}',
        OMP_NUM_THREADS='1',
    )
    env.pop('MMRS_TRACE', None)

    def _run(*command, **more_env) -> subprocess.CompletedProcess:
        return subprocess.run(
            [str(word) for word in command],
            cwd=ROOT,
            env=env | more_env,
            capture_output=True,
            text=True,
        )

    return _run


@pytest.fixture
def free_port() -> str:
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        return str(listener.getsockname()[1])


@pytest.fixture
def main_of(monkeypatch):
    """Run a tool's `main` in this process with a command line."""
    import runpy

    def _main(tool: str, *words) -> None:
        monkeypatch.setattr(sys, 'argv', [tool, *map(str, words)])
        monkeypatch.syspath_prepend((ROOT / tool).parent)  # as Python does
        runpy.run_path(str(ROOT / tool))['main']()

    monkeypatch.syspath_prepend(HERE)
    monkeypatch.chdir(ROOT)
    return _main
