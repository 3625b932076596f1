"""Prepares the OpenMMLab stack at ``import mmrs``.

Nothing heavy is imported here. Hooks in ``sys.meta_path`` wait for the few
modules that need care:

- ``mmcv._ext``, where no compiled one exists, is served from
  :mod:`mmrs.ops.mmcv_ext`;
- ``mmpretrain.utils.dependency`` leaves its language models out beside
  transformers 5, whose removals break their import;
- ``mmengine.runner.checkpoint`` reads files as mmrs does, which runs no code
  of theirs;
- the data packages that print that OneDL is absent do so no more.

Modules that were imported before, and have missed this, are mended or refused.
Besides, two distributions that own the same import folder are warned about.
"""

import io
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, redirect_stdout
from importlib import metadata
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from mmrs.errors import InputError

STAND_IN_ORIGIN = 'mmrs.ops.mmcv_ext'

# Import folder: the distribution that mmrs needs, and others that own it too.
FOLDER_OWNERS = {
    'mmengine': ('onedl-mmengine', 'mmengine', 'mmengine-lite'),
    'mmcv': ('onedl-mmcv', 'mmcv', 'mmcv-full', 'mmcv-lite'),
    'mmdet': ('onedl-mmdetection', 'mmdet'),
    'mmseg': ('onedl-mmsegmentation', 'mmsegmentation'),
    'mmpretrain': ('onedl-mmpretrain', 'mmpretrain'),
}


def setup_stack() -> None:
    """Install the import hooks and warn about import folders owned twice.

    Raises:
        InputError: Modules without operators were imported before.
    """
    _check_order()
    sys.meta_path.insert(0, _CarefulFinder())
    if 'mmengine.runner.checkpoint' in sys.modules:
        _guard(sys.modules['mmengine.runner.checkpoint'])
    # Last, so that a compiled extension is found before.
    sys.meta_path.append(_StandInFinder())
    # mmdet's position encodings; harmless as long as PyTorch only announces.
    warnings.filterwarnings('ignore', message='torch.meshgrid')
    for folder in FOLDER_OWNERS:
        owners = installed_owners(folder)
        if len(owners) > 1:
            warnings.warn(
                f'{" and ".join(owners)} are both installed and overwrite '
                f"each other's files in the folder {folder}. Mend it with: "
                f'{owner_fix(folder, owners[1:])}',
                stacklevel=3,
            )


# At module level, where it is guarded: a function's body imports later.
_OPERATORS = re.compile(r'^(?: {4})?from mmcv\.ops', re.MULTILINE)


def _check_order() -> None:
    """Refuse modules that looked for mmcv's operators before this.

    They have put functions in their place that raise an error.
    """
    if 'mmcv' in sys.modules and not find_spec('mmcv._ext'):
        for name, module in sys.modules.copy().items():
            folder = name.partition('.')[0]
            path = getattr(module, '__file__', None)
            if folder in FOLDER_OWNERS and path:
                text = Path(path).read_text(encoding='utf-8', errors='replace')
                if _OPERATORS.search(text):
                    raise InputError(
                        f'{name} was imported before mmrs, which brings the '
                        'operators that it needs: start Python again and '
                        f'`import mmrs` before {folder}'
                    )
    dependency = sys.modules.get('mmpretrain.utils.dependency')
    if dependency:
        with _leave_multimodal_out(dependency):
            pass


def installed_version(distribution: str) -> str | None:
    """Version of a distribution, or None where it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def installed_owners(folder: str) -> list[str]:
    """Distributions that are installed and own ``folder``, ours first."""
    return [name for name in FOLDER_OWNERS[folder] if installed_version(name)]


def owner_fix(folder: str, surplus: list[str]) -> str:
    """Commands that leave ``folder`` to the distribution mmrs needs."""
    needed = FOLDER_OWNERS[folder][0]
    return (
        f'pip uninstall -y {" ".join(surplus)} && '
        f'pip install --force-reinstall --no-deps {needed}'
    )


def multimodal_breaks() -> bool:
    """Whether mmpretrain's language models cannot be imported.

    They subclass names that transformers 5 removed.
    """
    version = installed_version('transformers')
    return version is not None and int(version.split('.')[0]) >= 5


class _StandInFinder(MetaPathFinder):
    """Finds ``mmcv._ext`` when no other finder has."""

    def find_spec(self, fullname, path=None, target=None) -> ModuleSpec | None:
        if fullname == 'mmcv._ext':
            return ModuleSpec(
                fullname, _StandInLoader(), origin=STAND_IN_ORIGIN
            )
        return None


class _StandInLoader(Loader):
    """Fills the module ``mmcv._ext`` with the operators of mmrs."""

    def exec_module(self, module: ModuleType) -> None:
        from mmrs.ops import mmcv_ext

        for name in mmcv_ext.__all__:
            setattr(module, name, getattr(mmcv_ext, name))
        module.__getattr__ = mmcv_ext.__getattr__


@contextmanager
def _leave_multimodal_out(module: ModuleType) -> Iterator[None]:
    yield
    if multimodal_breaks():
        module.WITH_MULTIMODAL = False


@contextmanager
def _without_onedl_notes(module: ModuleType) -> Iterator[None]:
    """Keep the notes off the screen; they are printed, not logged."""
    printed = io.StringIO()
    try:
        with redirect_stdout(printed):
            yield
    finally:
        for line in printed.getvalue().splitlines():
            if not line.startswith('Could not import OneDL'):
                print(line)


def _guard(module: ModuleType) -> None:
    from mmrs.utils.checkpoint_files import guard_mmengine

    guard_mmengine(module)


@contextmanager
def _read_without_running(module: ModuleType) -> Iterator[None]:
    yield
    _guard(module)


_CARE: dict[str, Callable[[ModuleType], AbstractContextManager]] = {
    'mmengine.runner.checkpoint': _read_without_running,
    'mmpretrain.utils.dependency': _leave_multimodal_out,
    'mmpretrain.datasets': _without_onedl_notes,
    'mmseg.datasets': _without_onedl_notes,
    'mmdet.datasets': _without_onedl_notes,
}


class _CarefulFinder(MetaPathFinder):
    """Finds a module as usual, and runs it inside its context of ``_CARE``."""

    def find_spec(self, fullname, path=None, target=None) -> ModuleSpec | None:
        if fullname not in _CARE:
            return None
        others = (x for x in sys.meta_path if type(x) is not type(self))
        specs = (x.find_spec(fullname, path, target) for x in others)
        spec = next((spec for spec in specs if spec), None)
        if spec:
            _execute_within(spec.loader, _CARE[fullname])
        return spec


def _execute_within(
    loader: Loader, care: Callable[[ModuleType], AbstractContextManager]
) -> None:
    """Make this loader (each module has its own) run its module in ``care``.

    Setting the one method leaves the loader what it is, for those who ask it
    for source code or data files.
    """
    execute = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        with care(module):
            execute(module)

    loader.exec_module = exec_module
