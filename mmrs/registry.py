"""Registries of mmrs: children of MMEngine's roots, in the scope ``mmrs``.

A registry finds the code of its names by itself: the first time a name is
asked for, the one module that defines it is imported. Building an RSMamba
never imports the libraries of another method, and no config has to name
modules. What defines which name is read off the source text of the package;
see :mod:`mmrs.utils.names`.

Names of the other libraries are found as well: `mmdet.X` by the registries of
mmdet, and those without a scope, as `Resize` or `BN`, in MMEngine's roots. A
module of one's own that registers names is imported before them, for example
by `custom_imports` of a config.
"""

import difflib
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

from mmengine import registry as _roots
from mmengine.registry import DefaultScope, Registry

from mmrs.errors import InputError
from mmrs.stack.extras import is_installed, missing_library
from mmrs.utils.names import Registered, registered_names

__all__ = [
    'DATASETS',
    'DATA_SAMPLERS',
    'EVALUATOR',
    'FUNCTIONS',
    'HOOKS',
    'INFERENCERS',
    'LOG_PROCESSORS',
    'LOOPS',
    'METRICS',
    'MODELS',
    'MODEL_WRAPPERS',
    'OPTIMIZERS',
    'OPTIM_WRAPPERS',
    'OPTIM_WRAPPER_CONSTRUCTORS',
    'PARAM_SCHEDULERS',
    'RUNNERS',
    'STRATEGIES',
    'TASK_UTILS',
    'TRANSFORMS',
    'VISBACKENDS',
    'VISUALIZERS',
    'WEIGHT_INITIALIZERS',
]


# What registers the names of MMEngine and MMCV in the roots.
_ROOT_MODULES = ('mmengine.runner', 'mmcv.transforms', 'mmcv.cnn', 'mmcv.ops')


class LazyRegistry(Registry):
    """A registry that imports the module of a name when it is asked for.

    Args:
        variable: Its name in this module, for example ``MODELS``.
    """

    def __init__(self, variable: str):
        root = getattr(_roots, variable)
        super().__init__(root.name, parent=root, scope='mmrs', locations=[])
        self.variable = variable

    def build(self, cfg: dict, *args, **kwargs) -> object:
        """Build an object whose parts are named in the scope of mmrs.

        MMEngine alone would take the default scope, which another library may
        have set before, or nobody.
        """
        if self.variable == 'RUNNERS':  # a runner sets the default scope
            return super().build(cfg, *args, **kwargs)
        with DefaultScope.overwrite_default_scope(self.scope):
            return super().build(cfg, *args, **kwargs)

    def get(self, key: str) -> type:
        """Get what a name stands for.

        Args:
            key: A name, alone or behind a scope: `RSMamba`, `mmdet.FPN`; or
                the dotted path of an object.

        Raises:
            InputError: Nothing has that name, or it needs a library that is
                not installed.
        """
        found = self._find(key)
        if found is None:
            raise InputError(
                f'{key} is not in the registry {self.variable}'
                f'{self._did_you_mean(key)} A module of your own that '
                'registers it is named in `custom_imports` of the config'
            )
        return found

    def __contains__(self, key: str) -> bool:
        return self._find(key) is not None

    def _find(self, key: str) -> type | None:
        scope, name = self.split_scope_key(key)
        if scope in (None, self.scope):
            self._import_home(name)
        elif not is_installed(scope) and (
            error := missing_library(key, scope)
        ):
            raise error
        found = super().get(key)
        if scope is None and not _is_part(found):
            for module in _ROOT_MODULES:
                import_module(module)
            found = super().get(key)
        if found is None and '.' in name:
            # The root hands on the path of an object without its `mmrs.`.
            found = super().get(f'{self.scope}.{key}')
        return found if _is_part(found) else None

    def _import_home(self, name: str) -> None:
        """Import the module of mmrs that registers ``name``, if one does."""
        home = registered_names().get(Registered(self.variable, name))
        if home is None or name in self._module_dict:
            return
        try:
            import_module(home)
        except ModuleNotFoundError as error:
            missing = missing_library(name, error.name or '')
            if missing is None:
                raise
            raise missing from error

    def _register_module(self, module, module_name=None, force=False) -> None:
        """Register a class, after that of mmrs which has the same name.

        So ``force=True`` replaces a class of mmrs, and without it the same
        name is refused, whichever of both would be imported first.
        """
        names = module_name or module.__name__
        for name in [names] if isinstance(names, str) else names:
            home = registered_names().get(Registered(self.variable, name))
            if home != module.__module__:
                self._import_home(name)
        super()._register_module(module, module_name, force)

    def _did_you_mean(self, key: str) -> str:
        scope, name = self.split_scope_key(key)
        prefix = '' if scope is None else f'{scope}.'
        names = dict.fromkeys(self._names(scope))
        near = difflib.get_close_matches(name, names, n=3)
        if not near:
            return '.'
        return '; did you mean ' + ' or '.join(prefix + x for x in near) + '?'

    def _names(self, scope: str | None) -> Iterator[str]:
        """Names that may be meant behind a scope, or without one."""
        if scope in (None, self.scope):
            for registered in registered_names():
                if registered.registry == self.variable:
                    yield registered.name
            yield from self._module_dict
        other = self.root if scope is None else self.root._search_child(scope)
        if other not in (None, self):
            yield from other.module_dict


def _is_part(found: object) -> bool:
    """Whether a look-up has found something to build.

    MMEngine takes a key without a dot for a module to import, too.
    """
    return found is not None and not isinstance(found, ModuleType)


RUNNERS = LazyRegistry('RUNNERS')
LOOPS = LazyRegistry('LOOPS')
HOOKS = LazyRegistry('HOOKS')
STRATEGIES = LazyRegistry('STRATEGIES')
LOG_PROCESSORS = LazyRegistry('LOG_PROCESSORS')

DATASETS = LazyRegistry('DATASETS')
DATA_SAMPLERS = LazyRegistry('DATA_SAMPLERS')
TRANSFORMS = LazyRegistry('TRANSFORMS')
FUNCTIONS = LazyRegistry('FUNCTIONS')

MODELS = LazyRegistry('MODELS')
MODEL_WRAPPERS = LazyRegistry('MODEL_WRAPPERS')
WEIGHT_INITIALIZERS = LazyRegistry('WEIGHT_INITIALIZERS')
TASK_UTILS = LazyRegistry('TASK_UTILS')

OPTIMIZERS = LazyRegistry('OPTIMIZERS')
OPTIM_WRAPPERS = LazyRegistry('OPTIM_WRAPPERS')
OPTIM_WRAPPER_CONSTRUCTORS = LazyRegistry('OPTIM_WRAPPER_CONSTRUCTORS')
PARAM_SCHEDULERS = LazyRegistry('PARAM_SCHEDULERS')

METRICS = LazyRegistry('METRICS')
EVALUATOR = LazyRegistry('EVALUATOR')
VISUALIZERS = LazyRegistry('VISUALIZERS')
VISBACKENDS = LazyRegistry('VISBACKENDS')
INFERENCERS = LazyRegistry('INFERENCERS')
