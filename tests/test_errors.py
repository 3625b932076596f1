"""What may be raised where: a wrong setting is an InputError."""

import ast

import pytest

# Functions of tensors and arrays: their callers, who know the file or the
# setting, name it. A mistake in calling them is a mistake in the program.
PLAIN = {
    'evaluation/functional/agreement.py': 1,  # verdicts of two raters
    'evaluation/functional/confusion.py': 2,  # arrays of classes
    'geo/writer.py': 1,  # rows that a program did not give
    'models/change/change_interpreter.py': 1,  # `mode` of forward
    'models/rsmamba/backbone.py': 2,  # permutations given to forward
    'ops/selective_scan/conv.py': 3,  # shapes and devices of a kernel
    'ops/selective_scan/interface.py': 10,
    'ops/selective_scan/orders.py': 4,
    'utils/names.py': 1,  # a name that mmrs itself registers twice
}


def raised(tree: ast.AST) -> int:
    """Count ``raise ValueError(...)``, and the asserts."""
    count = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            count += 1
        elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            count += getattr(node.exc.func, 'id', '') == 'ValueError'
    return count


@pytest.mark.parametrize('folder', ['mmrs', 'tools'])
def test_settings_that_cannot_be_right_are_input_errors(repo_root, folder):
    found = {}
    for path in sorted((repo_root / folder).rglob('*.py')):
        count = raised(ast.parse(path.read_text()))
        if count:
            found[str(path.relative_to(repo_root / folder))] = count
    assert found == (PLAIN if folder == 'mmrs' else {})
