"""mmrs: a remote-sensing toolbox of ten published methods on MMEngine.

Importing it is cheap (no torch): it only prepares the import system, so that
the OpenMMLab packages load without compiled operators and beside any
transformers version; see :mod:`mmrs.stack.imports`.
"""

from mmrs.stack.imports import setup_stack
from mmrs.version import __version__

setup_stack()

__all__ = ['__version__']
