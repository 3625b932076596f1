"""Arrows between packages that are never drawn; see docs/architecture.md."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
RASTER_LIBRARIES = {'rasterio', 'pyogrio', 'fiona', 'osgeo', 'tifffile'}
COMMAND_LINE = {'argparse', 'mmrs.utils.cli'}

BASE = {'errors', 'config', 'registry', 'utils', 'version'}
SHARED_ROOMS = {'layers', 'backbones', 'sam', 'change'}
#: What each package may import of mmrs, itself aside.
ALLOWED = {
    'errors': set(),
    'version': set(),
    'registry': {'errors', 'utils', 'stack'},
    'config': {'errors'},
    'utils': {'errors', 'config', 'version'},
    'geo': {'errors'},
    'ops': {'errors'},
    'structures': {'errors'},
    'datasets': BASE | {'geo', 'structures'},
    'visualization': BASE | {'geo', 'structures'},
    'evaluation': BASE | {'geo', 'structures', 'visualization'},
    'synthetic': BASE | {'geo', 'structures'},
    'models': BASE | {'geo', 'ops', 'structures'},
    'engine': BASE | {'geo', 'ops', 'structures', 'datasets', 'evaluation',
                      'visualization'},
    'apis': BASE | {'geo', 'structures', 'datasets', 'models', 'evaluation',
                    'engine', 'visualization'},
    'stack': {'errors', 'version', 'utils', 'geo', 'ops'},
}  # fmt: skip


def modules() -> Iterator[tuple[str, str, set[str]]]:
    """Yield the file of each module, its name, and all that it imports."""
    for path in sorted((ROOT / 'mmrs').rglob('*.py')):
        parts = path.relative_to(ROOT).with_suffix('').parts
        package = parts[:-1]
        name = '.'.join(package if parts[-1] == '__init__' else parts)
        found = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                head = package[: len(package) - node.level + 1]
                base = list(head) if node.level else []
                base += [node.module] if node.module else []
                found.add('.'.join(base))
                found |= {'.'.join([*base, a.name]) for a in node.names}
        yield str(path.relative_to(ROOT)), name, found


MODULES = list(modules())


def parts_of(imported: set[str]) -> set[str]:
    return {n.split('.')[1] for n in imported if n.startswith('mmrs.')}


def test_arrows_point_one_way():
    assert len(MODULES) > 200
    wrong = []
    for path, name, imported in MODULES:
        if name == 'mmrs':
            continue
        own = name.split('.')[1]
        beyond = parts_of(imported) - {own} - ALLOWED[own]
        # A package may be asked for its version or its lazy names.
        beyond -= {'__version__'}
        wrong += [f'{path} imports mmrs.{part}' for part in sorted(beyond)]
    assert not wrong, '\n'.join(wrong)


def test_only_geo_opens_rasters_and_vectors():
    users = {
        path
        for path, _, imported in MODULES
        if {n.split('.')[0] for n in imported} & RASTER_LIBRARIES
    }
    assert users
    assert all(path.startswith('mmrs/geo/') for path in users), users


def test_a_room_imports_no_other_room():
    wrong = []
    for path, name, imported in MODULES:
        parts = name.split('.')
        if parts[:2] != ['mmrs', 'models'] or len(parts) < 3:
            continue
        rooms = {
            n.split('.')[2]
            for n in imported
            if n.startswith('mmrs.models.') and n.count('.') > 1
        }
        others = rooms - {parts[2]} - SHARED_ROOMS
        others = {o for o in others if (ROOT / 'mmrs/models' / o).is_dir()}
        wrong += [f'{path} imports the room {room}' for room in others]
    assert not wrong, '\n'.join(wrong)


def test_the_python_api_knows_no_command_line():
    wrong = [
        path
        for path, name, imported in MODULES
        if imported & COMMAND_LINE and name != 'mmrs.utils.cli'
    ]
    assert not wrong


@pytest.mark.parametrize('folder', ['mmrs', 'tools', 'configs', 'docs'])
def test_documents_name_no_moved_module(folder):
    """Dotted names of mmrs in text lead to something that is there."""
    import re

    known = {name for _, name, _ in MODULES}
    wrong = []
    for path in sorted((ROOT / folder).rglob('*')):
        if path.suffix not in ('.py', '.md') or path.stem == 'new_method':
            continue  # its modules are the reader's own
        for found in re.findall(r'\bmmrs(?:\.[a-z_0-9]+)+', path.read_text()):
            parts = found.rstrip('.').split('.')
            # The longest part that can be a module, before names in it.
            if '.'.join(parts[:2]) not in known:
                wrong.append(f'{path.relative_to(ROOT)}: {found}')
                continue
            folder_of = ROOT.joinpath(*parts[:-1])
            if len(parts) > 2 and folder_of.is_dir():
                package = folder_of / '__init__.py'
                if found not in known and (
                    not package.is_file()
                    or parts[-1] not in package.read_text()
                ):
                    wrong.append(f'{path.relative_to(ROOT)}: {found}')
    assert not wrong, '\n'.join(wrong)
