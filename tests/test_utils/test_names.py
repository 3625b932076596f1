import json

import pytest

from mmrs.utils.names import find_names, registered_names

MODULE = '''
"""A module whose text is read, not run."""
import no_such_library

@MODELS.register_module()
class Plain(no_such_library.Base):
    """Registered by `@MODELS.register_module()` under its own name."""

    @MODELS.register_module()  # inside a class: no registration of a module
    def method(self): ...

@MODELS.register_module(
    name=['a', 'b'],  # two names
    force=True,
)
@other(decorator)
@HOOKS.register_module('hook')
class Many:
    pass

@FUNCTIONS.register_module()
def function(x):
    return x

class Unregistered:
    pass
'''


def test_names_of_a_text(tmp_path):
    (tmp_path / 'room').mkdir()
    (tmp_path / 'room' / 'module.py').write_text(MODULE)
    (tmp_path / 'room' / '__init__.py').write_text(
        '@METRICS.register_module(name=("score",))\nclass Score: ...\n'
    )
    module = 'toy.room.module'
    assert find_names(tmp_path, 'toy') == {
        ('MODELS', 'Plain'): module,
        ('MODELS', 'a'): module,
        ('MODELS', 'b'): module,
        ('HOOKS', 'hook'): module,
        ('FUNCTIONS', 'function'): module,
        ('METRICS', 'score'): 'toy.room',
    }


def test_a_name_that_is_registered_twice(tmp_path):
    text = '@{}.register_module()\nclass Same: ...\n'
    (tmp_path / 'one.py').write_text(text.format('MODELS'))
    (tmp_path / 'two.py').write_text(text.format('HOOKS'))
    assert len(find_names(tmp_path, 'toy')) == 2
    (tmp_path / 'two.py').write_text(text.format('MODELS'))
    with pytest.raises(
        ValueError, match='Same .* MODELS: by toy.one and by toy.two'
    ):
        find_names(tmp_path, 'toy')


EVERYTHING = """
import importlib, json, pkgutil
import mmrs
from mmengine.registry import Registry
for module in pkgutil.walk_packages(mmrs.__path__, 'mmrs.'):
    if 'triton' not in module.name:
        importlib.import_module(module.name)
import mmrs.registry
print(json.dumps([
    [variable, name, part.__module__]
    for variable, registry in vars(mmrs.registry).items()
    if isinstance(registry, Registry)
    for name, part in registry.module_dict.items()
]))
"""


@pytest.mark.slow
def test_names_are_those_that_all_modules_register(run_python):
    printed, _ = run_python(EVERYTHING)
    registered = json.loads(printed.splitlines()[-1])
    assert {(v, name): module for v, name, module in registered} == (
        registered_names()
    )
