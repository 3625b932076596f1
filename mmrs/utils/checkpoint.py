"""Reading checkpoints: what a file must hold before it is used."""

import zipfile
from collections import OrderedDict
from pathlib import Path

from torch import Tensor, nn

from mmrs.errors import InputError

# A buffer NAME + GRID records the rows and columns of the table NAME. A model
# does without, since the files of others lack it.
GRID = '_grid'


def read_checkpoint(path: str) -> dict:
    """Read a checkpoint to the CPU; no code of the file is run.

    Args:
        path: A file of any format that :func:`read_file` knows, or a URL
            that MMEngine's :class:`CheckpointLoader` knows.

    Returns:
        The file's contents, as :func:`as_checkpoint` arranges them.

    Raises:
        InputError: The file is missing, is not a checkpoint, or holds more
            than plain weights.
    """
    from mmengine.runner import CheckpointLoader

    try:
        content = CheckpointLoader.load_checkpoint(path, 'cpu')
    except FileNotFoundError as error:
        raise InputError(f'checkpoint {path} does not exist') from error
    except KeyError as error:  # a name of torchvision:// and its like
        raise InputError(
            f'checkpoint {path}: there is no model {error}'
        ) from error
    return as_checkpoint(content, path)


def as_checkpoint(content: object, path: str) -> dict:
    """Find the state dict in what a file holds.

    Args:
        content: What was read.
        path: The file's name in messages.

    Returns:
        The contents, always with a ``state_dict``: a file that is a bare
        state dict is put under that key. So are the weights of a file that
        keeps those of each part apart (``encoder_dict``, ``decoder_dict``),
        under ``PART.NAME``; of BasicSR's files those of ``params_ema``, else
        ``params``. A ``meta`` that is no dict is left out.

    Raises:
        InputError: There is none.
    """
    if isinstance(content, dict) and 'state_dict' not in content:
        content = dict(state_dict=_join_parts(content))
    if not isinstance(content, dict) or not _is_state_dict(
        content['state_dict']
    ):
        raise InputError(f'{path} holds no state dict: it is no checkpoint')
    if not isinstance(content.get('meta', {}), dict):
        content = {k: v for k, v in content.items() if k != 'meta'}
    return content


def _is_state_dict(value: object) -> bool:
    return isinstance(value, dict) and any(
        isinstance(item, Tensor) for item in value.values()
    )


def _join_parts(content: dict) -> dict:
    """Make one state dict of those named ``PART_dict``, where there are.

    BasicSR's files have one alone, the averaged weights before the others.
    """
    for name in ('params_ema', 'params'):
        if _is_state_dict(content.get(name)):
            return content[name]
    return {
        f'{part}.{name}': value
        for part, weights in content.items()
        if str(part).endswith('_dict') and _is_state_dict(weights)
        for name, value in weights.items()
    } or content


def load_weights(model: nn.Module, checkpoint: dict, path: str) -> list[str]:
    """Load the weights of a finished model, completely or not at all.

    What the file holds beyond is not used.

    Args:
        model: Receives the weights.
        checkpoint: As :func:`read_checkpoint` returns it.
        path: The checkpoint's name in messages.

    Returns:
        The names in the checkpoint that the model does not have.

    Raises:
        InputError: The checkpoint is of another architecture.
    """
    weights = OrderedDict(
        (name.removeprefix('module.'), value)
        for name, value in checkpoint['state_dict'].items()
    )
    check_weights(model, weights, path)
    return list(model.load_state_dict(weights, strict=False).unexpected_keys)


def check_weights(
    model: nn.Module, weights: dict[str, Tensor], path: str
) -> None:
    """Check that weights are those of a finished model.

    Every parameter and buffer of the model must be there with its shape, so
    that no part of the model runs untrained.

    Args:
        model: That is to be loaded.
        weights: Its state dict, and possibly more.
        path: The checkpoint's name in messages.

    Raises:
        InputError: The checkpoint is of another architecture.
    """
    wanted = model.state_dict()
    kind = type(model).__name__
    missing = [
        name
        for name in wanted
        if name not in weights and not name.endswith(GRID)
    ]
    if len(missing) == len(wanted):
        raise InputError(
            f'checkpoint {path} is of another model: none of its '
            f'{len(weights)} names (first: {next(iter(weights))}) is one of '
            f'the {len(wanted)} of {kind} (first: {next(iter(wanted))})'
        )
    misfits = [
        f'{name} is {tuple(weights[name].shape)} there and '
        f'{tuple(value.shape)} here'
        for name, value in wanted.items()
        if name in weights and weights[name].shape != value.shape
    ]
    if misfits:
        raise InputError(
            f'checkpoint {path} is of another architecture than the '
            f"config's {kind}: {len(misfits)} shapes differ, first: "
            f'{misfits[0]}'
        )
    if missing:
        raise InputError(
            f'checkpoint {path} lacks {len(missing)} of the {len(wanted)} '
            f'weights of {kind}, first: {missing[0]}; is it of this config?'
        )


def forget_pretraining(part: dict | list) -> None:
    """Take out of a model's config what its trained weights will replace.

    A model that is to be tested need not find the SAM it once started from.

    Args:
        part: The model's config, changed in place.
    """
    values = part.values() if isinstance(part, dict) else part
    for value in values:
        if isinstance(value, dict | list):
            forget_pretraining(value)
    if isinstance(part, dict) and 'sam_checkpoint' in part:
        part['sam_checkpoint'] = None


def find_last_complete(work_dir: str | Path) -> Path | None:
    """Find the newest training checkpoint that was written to its end.

    A process that is killed while it saves leaves a broken last file. A
    checkpoint is a zip archive, and its table of contents is at the end, so
    a file that was cut off is recognised without reading it.

    Args:
        work_dir: The folder that holds `epoch_*.pth` or `iter_*.pth`.

    Returns:
        The file to resume from, or None if there is none.
    """
    files = [
        file
        for pattern in ('epoch_*.pth', 'iter_*.pth')
        for file in Path(work_dir).glob(pattern)
    ]
    files.sort(key=lambda file: file.stat().st_mtime, reverse=True)
    return next((file for file in files if zipfile.is_zipfile(file)), None)
