"""Follows docs/new_method.md in a copy of the code."""

import os
import re
import shutil
import subprocess
import sys

import pages
import pytest

PAGE = pages.ROOT / 'docs' / 'new_method.md'


@pytest.fixture
def checkout(tmp_path):
    """A copy of the parts that the page builds on, with the page's files."""
    for folder in ('mmrs', 'tools', 'configs/_base_'):
        shutil.copytree(pages.ROOT / folder, tmp_path / folder)
    for name, text in pages.named_files(PAGE).items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        assert not file.exists()  # nothing that exists has to change
        file.write_text(text)
    return tmp_path


@pytest.mark.slow
@pytest.mark.trains
def test_the_page_leads_to_a_method_that_learns(
    checkout, training_seed, clears
):
    env = dict(os.environ, PYTHONPATH=str(checkout), OMP_NUM_THREADS='1')
    to_run = [
        words
        for words in pages.commands(PAGE)
        if words[0] in ('python', 'pytest')
    ]
    assert [words[1].split('/')[0] for words in to_run] == [
        'tools',
        'tools',
        'tests',
    ]
    to_run[0] += ['--cfg-options', f'randomness.seed={training_seed}']
    said = []
    for words in to_run:
        python = [sys.executable, *(['-m'] if words[0] == 'pytest' else [])]
        done = subprocess.run(
            python + (words if words[0] == 'pytest' else words[1:]),
            cwd=checkout,
            env=env,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        said.append(done.stdout + done.stderr)
    _, tested, pytest_said = said
    (accuracy,) = re.findall(r'cls/OA: ([\d.]+)', tested)
    clears('overall accuracy', float(accuracy), above=0.9)  # chance: a third
    assert '1 passed' in pytest_said
