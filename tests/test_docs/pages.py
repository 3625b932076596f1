"""Reads the Markdown pages: their code blocks, commands, links and paths."""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [
        ROOT / 'README.md',
        *(ROOT / 'docs').glob('*.md'),
        *(ROOT / 'configs').glob('*/README.md'),
    ]
)

_BLOCK = re.compile(
    r'(?:^`(?P<file>[^`\n]+)`\n\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$',
    re.MULTILINE | re.DOTALL,
)
_PATH = re.compile(
    r'(?<![\w/.])(?:configs|docs|mmrs|requirements|tests|tools)/'
    r'[\w./-]*[\w/]'
)
_LINK = re.compile(r'\]\(([^)\s]+)\)')


def blocks(page: Path, language: str) -> list[tuple[str | None, str]]:
    """Pairs of file name, where one stands above the block, and text."""
    return [
        (match['file'], match['text'])
        for match in _BLOCK.finditer(page.read_text())
        if match['language'] == language
    ]


def named_files(page: Path) -> dict[str, str]:
    """Contents of the files that the page tells its reader to write."""
    found = _BLOCK.finditer(page.read_text())
    return {match['file']: match['text'] for match in found if match['file']}


def commands(page: Path) -> list[list[str]]:
    """Words of every command in the bash blocks, comments left out."""
    lines = [
        line
        for _, text in blocks(page, 'bash')
        for line in text.replace('\\\n', '').splitlines()
    ]
    return [words for line in lines if (words := shlex.split(line, True))]


def paths(page: Path) -> set[str]:
    """Paths of this repository that the page names."""
    return set(_PATH.findall(page.read_text()))


def links(page: Path) -> set[str]:
    """Targets of the page's links and pictures that are not on the web."""
    found = _LINK.findall(page.read_text())
    return {link for link in found if not link.startswith('http')}
