"""Files of weights: read without running anything in them, and written.

A ``.pth`` is a pickle, and a pickle may call any function while it is opened.
Here it is opened with the few classes that MMEngine's own checkpoints hold;
one that asks for anything else is refused before that is called. Every way to
a checkpoint comes through :func:`read_file`, those of MMEngine and of the
libraries on it too (:func:`guard_mmengine`).
"""

import io
import json
import os
import re
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from types import ModuleType
from urllib.error import URLError
from urllib.parse import urlparse

import numpy as np
import torch
from torch import Tensor

from mmrs.errors import InputError
from mmrs.utils.torchscript import is_torchscript, read_torchscript

SUFFIXES = ('.pth', '.safetensors')
# The key of a safetensors file's metadata that holds a checkpoint's `meta`.
_META = 'meta'
_UNSAFE = (
    'if you trust its source, write a plain file with '
    'tools/model_converters/convert.py METHOD SRC DST --unsafe, which runs '
    'that code (METHOD is none for a file under our names)'
)
# The allowed classes are a setting of the whole process.
_lock = threading.Lock()


def read_file(
    file: str | os.PathLike | io.IOBase,
    map_location: str | torch.device | Callable | None = None,
) -> object:
    """Read a file of weights without running anything in it.

    Args:
        file: A ``.safetensors`` file; or one of ``torch.save`` or
            ``torch.jit.save``, which may be open already.
        map_location: As of ``torch.load``; None means the CPU.

    Returns:
        What was saved. Of a safetensors file the dict ``state_dict`` and,
        where the file has one, ``meta``; of TorchScript the weights alone.
        ``meta.config`` is left out: MMEngine executes it as Python when a
        run is resumed.

    Raises:
        FileNotFoundError: There is no such file.
        InputError: The file is damaged or no checkpoint, or to open it would
            run code.
    """
    is_path = isinstance(file, str | os.PathLike)
    name = os.fspath(file) if is_path else getattr(file, 'name', 'the file')
    if is_path and not os.path.isfile(file):
        raise FileNotFoundError(f'checkpoint {name} does not exist')
    location = 'cpu' if map_location is None else map_location
    try:
        if is_path and Path(file).suffix == '.safetensors':
            return _read_safetensors(file, location)
        if is_path and is_torchscript(file):
            return read_torchscript(file)
        with _only(_plain_classes()):
            content = torch.load(file, location, weights_only=True)
    except torch.OutOfMemoryError:
        raise
    except PermissionError as error:
        raise InputError(f'checkpoint {name} may not be read') from error
    except Exception as error:  # damaged files raise anything
        raise InputError(_explain(name, error)) from error
    if isinstance(content, dict) and isinstance(content.get('meta'), dict):
        content['meta'].pop('config', None)
    return content


def run_file(path: str | os.PathLike) -> object:
    """Read a file of ``torch.save`` and run the code that it asks for.

    For a converter whose user has asked for it, of a source they trust.

    Raises:
        InputError: The file is missing, or cannot be read even so.
    """
    if not os.path.isfile(path):
        raise InputError(f'checkpoint {path} does not exist')
    try:
        return torch.load(path, 'cpu', weights_only=False)
    except Exception as error:  # it is anybody's code
        raise InputError(
            f'{path} cannot be read, with --unsafe either: '
            f'{type(error).__name__}: {error}'
        ) from error


def encode_checkpoint(checkpoint: dict, suffix: str) -> bytes:
    """Make the bytes of a file that loads without running code.

    Args:
        checkpoint: ``state_dict`` and possibly ``meta``, which is of plain
            values for ``.pth`` and of JSON for ``.safetensors``.
        suffix: ``.pth`` or ``.safetensors``.

    Raises:
        InputError: The suffix is another, or safetensors cannot hold it.
    """
    check_suffix(suffix)
    if suffix == '.safetensors':
        return _encode_safetensors(checkpoint)
    buffer = io.BytesIO()
    torch.save(checkpoint, buffer)
    return buffer.getvalue()


def check_suffix(path: str | os.PathLike) -> None:
    """Raise an InputError where a file to write has another format."""
    suffix = Path(f'x{path}').suffix
    if suffix not in SUFFIXES:
        raise InputError(
            f'{path}: a checkpoint is written as {" or ".join(SUFFIXES)}, '
            f'not as {suffix or "a file without a suffix"}'
        )


def guard_mmengine(module: ModuleType) -> None:
    """Make MMEngine read checkpoints by :func:`read_file` alone.

    All its schemes (files, URLs, ``torchvision://``, object stores) come to
    two functions in the end, and its own of them open a file with code in it
    after a warning.

    Args:
        module: ``mmengine.runner.checkpoint``.
    """
    module._safe_torch_load = read_file
    module.load_url = _read_url


def _read_url(
    url: str,
    model_dir: str | None = None,
    map_location: str | torch.device | Callable | None = None,
    progress: bool = True,
) -> object:
    """Download a file, unless it was before, and read it."""
    folder = Path(model_dir or Path(torch.hub.get_dir(), 'checkpoints'))
    file = folder / os.path.basename(urlparse(url).path)
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(url, str(file), progress=progress)
        except (URLError, ConnectionError, TimeoutError) as error:
            raise InputError(
                f'{url} cannot be downloaded ({error}); download it by other '
                'means and give the file'
            ) from error
    return read_file(file, map_location)


def _read_safetensors(
    path: str | os.PathLike, location: str | torch.device | Callable
) -> dict:
    from safetensors import safe_open

    if not isinstance(location, str | torch.device):
        location = 'cpu'
    with safe_open(path, 'pt', device=str(location)) as file:
        meta = (file.metadata() or {}).get(_META)
        weights = {name: file.get_tensor(name) for name in file.keys()}
    checkpoint = dict(state_dict=weights)
    if meta is not None:
        checkpoint['meta'] = json.loads(meta)
    return checkpoint


def _encode_safetensors(checkpoint: dict) -> bytes:
    from safetensors.torch import save

    weights = checkpoint['state_dict']
    others = [n for n, value in weights.items() if not _is_dense(value)]
    if others:
        raise InputError(
            f'safetensors holds dense tensors alone, and {others[0]} is '
            'another value; write a .pth file'
        )
    # Copies: it refuses tensors that share their memory.
    copies = {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, value in weights.items()
    }
    metadata = dict(format='pt')
    if 'meta' in checkpoint:
        metadata[_META] = json.dumps(checkpoint['meta'])
    return save(copies, metadata)


def _is_dense(value: object) -> bool:
    return isinstance(value, Tensor) and value.layout == torch.strided


@contextmanager
def _only(classes: list) -> Iterator[None]:
    """Allow these classes to ``torch.load``, and none of other libraries.

    A HistoryBuffer brings its statistics for all of its class; they stay.
    """
    from mmengine.logging import HistoryBuffer

    allowed = torch.serialization
    with _lock:
        statistics = HistoryBuffer()._statistics_methods
        kept = dict(statistics)
        others = allowed.get_safe_globals()
        allowed.clear_safe_globals()
        allowed.add_safe_globals(classes)
        try:
            yield
        finally:
            allowed.clear_safe_globals()
            allowed.add_safe_globals(others)
            statistics.clear()
            statistics.update(kept)


def _plain_classes() -> list:
    """What a checkpoint of MMEngine's Runner holds beside tensors.

    The message hub keeps its logs in HistoryBuffers of NumPy arrays, and a
    data set's ``metainfo`` may have arrays and scalars of numbers or text.
    """
    from mmengine.logging import HistoryBuffer

    array, scalar = (x.__reduce__()[0] for x in (np.zeros(1), np.float64()))
    types = [np.dtype(code) for code in '?bBhHiIlLqQefdgFDUS']
    return [
        HistoryBuffer,
        np.ndarray,
        np.dtype,
        *{type(dtype) for dtype in types},
        *(
            (function, f'numpy.{home}.multiarray.{name}')
            for home in ('core', '_core')  # of NumPy 1 and 2
            for function, name in ((array, '_reconstruct'), (scalar, 'scalar'))
        ),
        (_ONE_CYCLE, 'mmengine.optim.scheduler.param_scheduler.' + _ONE_CYCLE),
        (_get_method, 'builtins.getattr'),
    ]


_ONE_CYCLE = 'OneCycleParamScheduler'


def _get_method(owner: object, name: str) -> Callable:
    """Stand for ``getattr`` in a checkpoint.

    Methods are pickled as ``getattr(CLASS, NAME)``. With the true one a file
    can reach any function of Python, so that this one knows the methods that
    MMEngine's own classes save: the statistics of a HistoryBuffer, and the
    curve of a one-cycle schedule, whose class is but a word here.
    """
    from mmengine.logging import HistoryBuffer
    from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler

    methods = {
        HistoryBuffer: ('min', 'max', 'current', 'mean'),
        _ONE_CYCLE: ('_annealing_cos', '_annealing_linear'),
    }
    if name not in methods.get(owner, ()):
        raise UnpicklingError('GLOBAL getattr')
    return getattr(
        OneCycleParamScheduler if owner == _ONE_CYCLE else owner, name
    )


def _explain(name: str, error: Exception) -> str:
    wanted = re.search(r'GLOBAL (\S+)', str(error))
    if isinstance(error, UnpicklingError) and (wanted or _is_pickle(name)):
        asks = wanted[1] if wanted else 'what plain weights do not need'
        return (
            f'checkpoint {name} is refused, nothing in it was run: it is '
            f'more than plain weights and asks for {asks}; {_UNSAFE}'
        )
    return (
        f'{name} is not a checkpoint, or is damaged: PyTorch cannot '
        'read it; give a file that tools/train.py or '
        'tools/model_converters/convert.py wrote'
    )


def _is_pickle(path: str) -> bool:
    """Whether a file is a pickle of any protocol, bare or in an archive."""
    if not os.path.isfile(path):
        return False
    with open(path, 'rb') as file:
        return file.read(1) == b'\x80' or zipfile.is_zipfile(path)
