"""What the pages name exists, and the commands in them are understood."""

import re
import runpy
from pathlib import Path

import pages
import pytest

ROOT = pages.ROOT

each_page = pytest.mark.parametrize(
    'page', pages.PAGES, ids=lambda page: page.relative_to(ROOT).as_posix()
)


def anchors(page: Path) -> set[str]:
    """Anchors that a Markdown viewer gives to the headings of a page."""
    headings = re.findall(r'^#+ (.+)$', page.read_text(), re.MULTILINE)
    return {
        re.sub(r'[^\w -]', '', heading.lower()).replace(' ', '-')
        for heading in headings
    }


@each_page
def test_links_lead_somewhere(page):
    broken = []
    for link in pages.links(page):
        file, _, anchor = link.partition('#')
        target = page.parent / file if file else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken


@each_page
def test_named_paths_exist(page):
    written = [Path(file) for file in pages.named_files(page)]
    new_folders = {
        folder
        for file in written
        for folder in file.parents
        if not (ROOT / folder).exists()
    }
    missing = [
        path
        for path in map(Path, pages.paths(page))
        if not (ROOT / path).exists()
        and path not in {*written, *new_folders}
        and path.parent not in new_folders
    ]
    assert not missing


@each_page
def test_tools_understand_their_commands(page, monkeypatch):
    for words in pages.commands(page):
        if words[0] != 'python' or not words[1].endswith('.py'):
            continue
        monkeypatch.syspath_prepend((ROOT / words[1]).parent)
        tool = runpy.run_path(str(ROOT / words[1]))
        monkeypatch.setattr('sys.argv', words[1:])
        if 'parse_args' in tool:
            tool['parse_args']()  # exits with a message if it does not
        else:
            assert len(words) == 2


@each_page
def test_scripts_are_named_rightly(page):
    scripts = [
        word
        for words in pages.commands(page)
        for word in words
        if word.endswith('.sh')
    ]
    assert all((ROOT / script).is_file() for script in scripts)


def test_make_targets_exist():
    makefile = (ROOT / 'Makefile').read_text()
    named = [
        words[1]
        for page in pages.PAGES
        for words in pages.commands(page)
        if words[0] == 'make'
    ]
    assert named
    assert all(f'\n{target}:' in makefile for target in named)


def test_a_wrong_option_would_be_noticed(monkeypatch, capsys):
    tool = runpy.run_path(str(ROOT / 'tools/train.py'))
    monkeypatch.setattr('sys.argv', ['tools/train.py', 'CONFIG', '--ampp'])
    with pytest.raises(SystemExit):
        tool['parse_args']()
    assert '--ampp' in capsys.readouterr().err
