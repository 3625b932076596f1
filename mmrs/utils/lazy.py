"""Packages whose names are imported when they are asked for."""

import sys
from collections.abc import Callable
from importlib import import_module


def lazy_names(
    package: str, modules: dict[str, tuple[str, ...]]
) -> tuple[Callable, Callable, list[str]]:
    """Make what a package needs to import its names late (PEP 562).

    Importing the package then costs nothing, and a name brings the libraries
    of its own module only::

        __getattr__, __dir__, __all__ = lazy_names(
            __name__, {'aid': ('AIDDataset',)}
        )

    Args:
        package: The package's ``__name__``.
        modules: Public names by the module of the package that defines them.

    Returns:
        ``__getattr__``, ``__dir__`` and ``__all__`` of the package.
    """
    homes = {name: home for home, names in modules.items() for name in names}

    def __getattr__(name: str) -> object:
        if name not in homes:
            raise AttributeError(f'module {package} has no attribute {name}')
        value = getattr(import_module(f'{package}.{homes[name]}'), name)
        setattr(sys.modules[package], name, value)
        return value

    def __dir__() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes})

    return __getattr__, __dir__, sorted(homes)
