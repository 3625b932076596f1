"""Models built without memory for their weights."""

from contextlib import contextmanager

import torch
from torch.overrides import TorchFunctionMode


class _LinspaceOnCPU(TorchFunctionMode):
    """mmsegmentation's MiT reads numbers out of a linspace as it is built."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if func is torch.linspace:
            kwargs['device'] = 'cpu'
        return func(*args, **kwargs)


@contextmanager
def on_meta():
    """Put what is built on the meta device."""
    with torch.device('meta'), _LinspaceOnCPU():
        yield
