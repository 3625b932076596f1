"""Packages whose names are imported when they are asked for."""

import sys
from collections.abc import Callable
from importlib import import_module

from mmrs.utils.names import registered_names


def lazy_names(
    package: str, modules: dict[str, tuple[str, ...]] | None = None
) -> tuple[Callable, Callable, list[str]]:
    """Make what a package needs to import its names late (PEP 562).

    Importing the package then costs nothing, and a name brings the libraries
    of its own module only::

        __getattr__, __dir__, __all__ = lazy_names(
            __name__, {'caption_files': ('read_captions',)}
        )

    The names are those that the package's modules register, at any depth, and
    those given.

    Args:
        package: The package's ``__name__``.
        modules: Further names by the module of the package that defines them.

    Returns:
        ``__getattr__``, ``__dir__`` and ``__all__`` of the package.
    """
    homes = {
        registered.name: home
        for registered, home in registered_names().items()
        if home.startswith(f'{package}.')
    }
    for home, names in (modules or {}).items():
        homes |= dict.fromkeys(names, f'{package}.{home}')

    def __getattr__(name: str) -> object:
        if name not in homes:
            raise AttributeError(f'module {package} has no attribute {name}')
        value = getattr(import_module(homes[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    def __dir__() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes})

    return __getattr__, __dir__, sorted(homes)
