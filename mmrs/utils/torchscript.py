"""The weights of a TorchScript file, read without running its program."""

import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import torch
from torch import Tensor


def is_torchscript(path: str | Path) -> bool:
    """Whether a file is an archive of ``torch.jit.save``."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(n.endswith('/constants.pkl') for n in archive.namelist())


def read_torchscript(path: str | Path) -> dict[str, Tensor]:
    """Read the tensors of a TorchScript module.

    ``torch.jit.load`` compiles the program of the file and runs what it asks
    for at loading (``__setstate__``), with operators that write files among
    those it may use. Here the program is not looked at: of the archive, the
    tree of the attributes is read, by an unpickler that knows tensors and
    plain values alone.

    Args:
        path: A file of ``torch.jit.save``.

    Returns:
        The tensors by their names, those of a state dict. Plain tensor
        attributes are among them too.

    Raises:
        pickle.UnpicklingError: The tree holds anything else.
    """
    with zipfile.ZipFile(path) as archive:
        (tree,) = (n for n in archive.namelist() if n.endswith('/data.pkl'))
        with archive.open(tree) as file:
            root = _Tree(file, archive, tree.removesuffix('.pkl')).load()
    return dict(_walk(root, ''))


class _Module:
    """A module of the file: its attributes, without its methods."""

    def __setstate__(self, state: dict) -> None:
        self.attributes = state


class _Tree(pickle.Unpickler):
    """Builds modules, tensors and plain values, and nothing else."""

    def __init__(self, file, archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(file)
        self.archive, self.folder = archive, folder
        self.storages: dict[str, Tensor] = {}

    def find_class(self, module: str, name: str) -> object:
        if module.startswith('__torch__'):
            return _Module
        if (module, name) == ('collections', 'OrderedDict'):
            return OrderedDict
        if (module, name) == ('torch._utils', '_rebuild_tensor_v2'):
            return _rebuild_tensor
        if module == 'torch.jit._pickle':
            return _keep_value
        if module == 'torch' and name in _DTYPES:
            return _DTYPES[name]
        raise pickle.UnpicklingError(f'GLOBAL {module}.{name}')

    def persistent_load(self, pid: tuple) -> Tensor:
        _, dtype, key, _, _ = pid
        if key not in self.storages:
            content = bytearray(self.archive.read(f'{self.folder}/{key}'))
            self.storages[key] = (
                torch.frombuffer(content, dtype=dtype)
                if content
                else torch.empty(0, dtype=dtype)
            )
        return self.storages[key]


_DTYPES = {
    'DoubleStorage': torch.float64,
    'FloatStorage': torch.float32,
    'HalfStorage': torch.float16,
    'BFloat16Storage': torch.bfloat16,
    'LongStorage': torch.int64,
    'IntStorage': torch.int32,
    'ShortStorage': torch.int16,
    'CharStorage': torch.int8,
    'ByteStorage': torch.uint8,
    'BoolStorage': torch.bool,
}


def _rebuild_tensor(
    storage: Tensor, offset: int, size: tuple, stride: tuple, *_
) -> Tensor:
    return torch.as_strided(storage, size, stride, offset).clone()


def _keep_value(value: object, *_) -> object:
    """Stand for the marks of a list's or dict's type."""
    return value


def _walk(module: _Module, prefix: str):
    for name, value in module.attributes.items():
        if isinstance(value, Tensor):
            yield prefix + name, value
        elif isinstance(value, _Module):
            yield from _walk(value, f'{prefix}{name}.')
