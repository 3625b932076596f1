"""Which extra of mmrs brings a library."""

from importlib import metadata
from importlib.util import find_spec

from packaging.requirements import Requirement

from mmrs.errors import InputError
from mmrs.stack.imports import FOLDER_OWNERS


def extras_with(library: str) -> list[str]:
    """Name the extras that bring a library, given by its import name.

    There are none where mmrs is used without being installed.
    """
    wanted = FOLDER_OWNERS.get(library, (library.replace('_', '-'),))[0]
    try:
        about = metadata.metadata('mmrs')
    except metadata.PackageNotFoundError:
        return []
    requirements = map(Requirement, about.get_all('Requires-Dist', []))
    markers = [r.marker for r in requirements if r.name == wanted and r.marker]
    return [
        extra
        for extra in about.get_all('Provides-Extra', [])
        if extra not in ('all', 'tests')
        and any(marker.evaluate({'extra': extra}) for marker in markers)
    ]


def missing_library(name: str, library: str) -> InputError | None:
    """Make the error for a name that needs a library that is absent.

    Args:
        name: What was asked for.
        library: Import name of the library, or of a part of it.

    Returns:
        None if the library is installed, or no extra brings it.
    """
    top = library.partition('.')[0]
    extras = extras_with(top)
    if not extras or is_installed(top):
        return None
    commands = ' or '.join(f'pip install "mmrs[{x}]"' for x in extras)
    return InputError(
        f'{name} needs {top}, which is not installed: {commands}'
    )


def is_installed(library: str) -> bool:
    """Whether a library can be found to import."""
    try:
        return find_spec(library) is not None
    except ValueError:  # None in sys.modules: kept from being imported
        return False
