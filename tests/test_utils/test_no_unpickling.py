"""Files are read without running code: no pickle, nothing evaluated."""

import ast
from pathlib import Path

import pytest

# Modules that run what a file holds.
MODULES = {'cloudpickle', 'dill', 'joblib', 'marshal', 'pickle', 'shelve'}
# Calls that do: those of torch and MMEngine unless they are told not to.
BUILTINS = {'__import__', 'eval', 'exec'}
CALLS = {
    'Config.fromstring',  # text as Python
    'jit.load',
    'load_state_dict_from_url',
    'mmengine.load',
    'fileio.load',
    'pickle.load',
    'read_pickle',
    'torch.load',
    'unsafe_load',
    'yaml.full_load',
    'yaml.load',
}
ALLOWED = {
    'mmrs/stack/doctor.py': ['torch.load'],  # with weights_only=True
    'mmrs/utils/checkpoint_files.py': [
        'pickle',  # its error
        'torch.load',  # with weights_only=True
        'torch.load',  # of --unsafe
    ],
    'mmrs/utils/torchscript.py': ['pickle'],  # that knows tensors alone
}


def reads(tree: ast.AST) -> list[str]:
    """List what a module imports or calls that may run a file's code."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name.split('.')[0] for alias in node.names]
            found += sorted(MODULES & set(names))
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ''
            found += sorted(MODULES & {module.split('.')[0]})
            if module in ('mmengine', 'mmengine.fileio'):
                names = [alias.name for alias in node.names]
                found += ['mmengine.load'] * ('load' in names)
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            found += [name] * (name in BUILTINS)
            found += [x for x in CALLS if f'.{name}'.endswith(f'.{x}')]
            keywords = {k.arg: k.value for k in node.keywords}
            if 'allow_pickle' in keywords:
                if ast.unparse(keywords['allow_pickle']) != 'False':
                    found.append('allow_pickle')
    return sorted(found)


@pytest.mark.parametrize(
    ('code', 'expected'),
    [
        ('import pickle', ['pickle']),
        ('from joblib.x import load', ['joblib']),
        ('from mmengine import load', ['mmengine.load']),
        ('torch.load(path)', ['torch.load']),
        ('model.eval()', []),
        ('eval(text)', ['eval']),
        ('np.load(path, allow_pickle=True)', ['allow_pickle']),
        ('np.load(path)', []),
        ('Vocabulary.load(path)', []),
        ('torch.jit.load(path)', ['jit.load']),
    ],
)
def test_what_is_looked_for(code, expected):
    assert reads(ast.parse(code)) == expected


def test_nothing_is_unpickled(repo_root):
    found = {}
    for folder in ('mmrs', 'tools', 'projects'):
        for path in sorted((repo_root / folder).rglob('*.py')):
            names = reads(ast.parse(path.read_text()))
            if names:
                found[str(path.relative_to(repo_root))] = names
    assert found == ALLOWED


def test_weights_only_is_named(repo_root):
    for name in ALLOWED:
        tree = ast.parse(Path(repo_root, name).read_text())
        calls = [
            {k.arg: ast.unparse(k.value) for k in node.keywords}
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and ast.unparse(node.func) == 'torch.load'
        ]
        unsafe = [c for c in calls if c.get('weights_only') != 'True']
        expected = 1 if name.endswith('checkpoint_files.py') else 0
        assert len(unsafe) == expected  # --unsafe of the converter
