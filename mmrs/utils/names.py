"""The names that the package registers, found from its source text.

A class is registered where it is defined, by a decorator
``@MODELS.register_module()`` in the first column of its module. Reading the
text tells which module that is without importing any.
"""

import ast
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).parents[1]

_DECORATOR = re.compile(r'^@([A-Z_]+)\.register_module\(', re.MULTILINE)
_NEXT = re.compile(r'^(?:@|(?:class|def) (\w+))', re.MULTILINE)


class Registered(NamedTuple):
    """A name in a registry: both as the source writes them."""

    registry: str
    name: str


@cache
def registered_names() -> dict[Registered, str]:
    """Modules of mmrs by what they register, read once."""
    return find_names(PACKAGE, 'mmrs')


def find_names(folder: Path, package: str) -> dict[Registered, str]:
    """Find what the modules of a package register.

    Args:
        folder: The package's folder.
        package: Its dotted name.

    Returns:
        Dotted modules by registry and name.

    Raises:
        ValueError: A name is registered twice in one registry.
    """
    homes: dict[Registered, str] = {}
    for path in sorted(folder.rglob('*.py')):
        text = path.read_text(encoding='utf-8')
        if '.register_module(' not in text:
            continue
        parts = path.relative_to(folder).with_suffix('').parts
        module = '.'.join((package, *parts)).removesuffix('.__init__')
        for found in _registered_in(text):
            if found in homes:
                raise ValueError(
                    f'{found.name} is registered twice in {found.registry}: '
                    f'by {homes[found]} and by {module}'
                )
            homes[found] = module
    return homes


def _registered_in(text: str) -> list[Registered]:
    """List what a module's text registers, in the order of the text."""
    found = []
    for decorator in _DECORATOR.finditer(text):
        following = _NEXT.finditer(text, decorator.end())
        end = next(following)
        call = text[decorator.start() + 1 : end.start()]
        while end[1] is None:  # further decorators
            end = next(following)
        names = _given_names(call) or [end[1]]
        found += [Registered(decorator[1], name) for name in names]
    return found


def _given_names(call: str) -> list[str]:
    """Take ``name`` out of a call of ``register_module``."""
    node = ast.parse(call, mode='eval').body
    given = [*node.args[:1]] + [
        keyword.value for keyword in node.keywords if keyword.arg == 'name'
    ]
    names = ast.literal_eval(given[0]) if given else None
    return [names] if isinstance(names, str) else list(names or ())
