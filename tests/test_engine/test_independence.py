"""What surrounds a training knows no network."""

import ast


def test_engine_imports_no_model(repo_root):
    found = {}
    for path in (repo_root / 'mmrs' / 'engine').rglob('*.py'):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in getattr(node, 'names', [])]
            if isinstance(node, ast.ImportFrom):
                names = [node.module or '']
            elif not isinstance(node, ast.Import):
                continue
            if any(name.startswith('mmrs.models') for name in names):
                found[path.name] = names
    assert not found
