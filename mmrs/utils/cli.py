"""What the command-line tools share: arguments, configs, readable errors."""

import argparse
import copy
import difflib
import os
import sys
from collections.abc import Callable
from pathlib import Path

from mmengine.config import Config, ConfigDict, DictAction

from mmrs.utils.errors import InputError

TRACE_VARIABLE = 'MMRS_TRACE'


def run_tool(main: Callable[[], None]) -> None:
    """Run a tool; an error that its user can mend ends in one line.

    Such an error is printed as ``error: ...`` on stderr and the exit status
    is 1. With ``MMRS_TRACE=1`` it is raised as it is. Any other exception is
    a bug, and keeps its trace.
    """
    try:
        main()
    except Exception as error:
        message = describe(error)
        if message is None or os.environ.get(TRACE_VARIABLE) == '1':
            raise
        hint = f'({TRACE_VARIABLE}=1 shows the trace)'
        sys.exit(f'error: {message} {hint}')
    leave_processes()


def leave_processes() -> None:
    """Part from the other processes of a distributed run that has ended.

    A process that ends with its process group alive still has the group's
    threads running, and now and then aborts on them.
    """
    group = sys.modules.get('torch.distributed')
    if group and group.is_available() and group.is_initialized():
        group.barrier()  # the first process holds the store of all
        group.destroy_process_group()


def describe(error: Exception) -> str | None:
    """Say what the user can mend, or return None for a bug.

    Mendable are :class:`InputError`, a missing file or folder, and a type
    that no registry knows.
    """
    message = _without_worker_trace(str(error))
    if isinstance(error, InputError | FileNotFoundError):
        return message
    if isinstance(error, KeyError) and ' registry. ' in message:
        missing = message.strip('"\'').split(' registry. ')[0]
        return (
            f'{missing} registry: correct the `type` in the config, or name '
            'the module that registers it in `custom_imports`'
        )
    return None


def _without_worker_trace(message: str) -> str:
    """Keep the message alone of an error raised in a data loading process.

    PyTorch passes such errors on as 'Caught X in DataLoader worker process
    0', the trace, and at the end 'package.X: message'.
    """
    if not message.startswith('Caught '):
        return message
    name = message.split()[1]
    return message.rpartition(f'{name}: ')[2].strip()


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """Add CONFIG and ``--cfg-options``."""
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='settings that replace those of the config, for example '
        'optim_wrapper.optimizer.lr=1e-4 or model.neck.out_channels=64',
    )


def add_runner_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what both training and testing need beside the config."""
    parser.add_argument(
        '--work-dir',
        help='folder of logs and checkpoints (default: the `work_dir` of the '
        'config, or work_dirs/NAME_OF_THE_CONFIG)',
    )
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='what started the processes of a distributed run',
    )
    parser.add_argument(
        '--local_rank',
        '--local-rank',
        type=int,
        help='set by launchers that give no LOCAL_RANK variable',
    )


def load_runner_config(args: argparse.Namespace) -> Config:
    """Load the config of a run with what the command line says about it."""
    cfg = load_config(args.config, args.cfg_options)
    if 'model' not in cfg:
        raise InputError(
            f'{args.config} has no `model`: it is a part for other configs '
            'to inherit; give the config of a method'
        )
    stem = Path(args.config).stem
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or f'work_dirs/{stem}'
    cfg.launcher = args.launcher
    if args.local_rank is not None:
        os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return cfg


def load_config(path: str, options: dict | None = None) -> Config:
    """Read a config file and replace settings in it.

    Args:
        path: The file; `.py`, `.json` or `.yaml`.
        options: Values by dotted key, as ``--cfg-options`` gives them.

    Raises:
        InputError: The file is missing, cannot be parsed, needs a package
            that is not installed, or an option does not fit.
    """
    if not Path(path).is_file():
        raise InputError(
            f'config file {path} does not exist{_did_you_mean(path)}'
        )
    try:
        cfg = Config.fromfile(path)
    except ImportError as error:
        raise InputError(
            f'config file {path} needs a module that cannot be imported: '
            f'{_first_cause(error)}; `pip install "mmrs[all]"` brings the '
            'libraries of every method'
        ) from error
    except Exception as error:  # a config is code: it may raise anything
        raise InputError(
            f'config file {path} cannot be read: '
            f'{type(error).__name__}: {error}'
        ) from error
    try:
        cfg.merge_from_dict(options or {})
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f'--cfg-options do not fit {path}: {error}'
        ) from error
    return cfg


def _did_you_mean(path: str) -> str:
    """Name the config files whose name is nearest to that of ``path``."""
    found = {
        file.stem: file
        for file in Path('configs').rglob('*.py')
        if '_base_' not in file.parts
    }
    near = difflib.get_close_matches(Path(path).stem, found, n=2)
    if not near:
        return ''
    return '; did you mean ' + ' or '.join(str(found[stem]) for stem in near)


def _first_cause(error: BaseException) -> BaseException:
    """Return the exception at the start of a chain of re-raised ones."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__
    return error


def check_device(device: str | None) -> None:
    """Raise an InputError if ``device`` is a GPU that is not there."""
    import torch

    if device is None or not device.startswith('cuda'):
        return
    if not torch.cuda.is_available():
        raise InputError(
            f'device {device} was asked for, but PyTorch sees no GPU here; '
            'use cpu, or install a PyTorch built for CUDA'
        )
    index = torch.device(device).index or 0
    if index >= torch.cuda.device_count():
        raise InputError(
            f'device {device} was asked for, but there are only '
            f'{torch.cuda.device_count()} GPUs'
        )


def innermost(dataset: ConfigDict) -> ConfigDict:
    """Return the config of the data set inside any wrappers around it."""
    while 'dataset' in dataset:
        dataset = dataset['dataset']
    return dataset


def model_config(cfg: Config) -> ConfigDict:
    """Copy the config of the model, with its preprocessor.

    Like MMEngine's Runner, this takes `data_preprocessor` of the whole config
    where the model has none of its own.
    """
    model = copy.deepcopy(cfg.model)
    if 'data_preprocessor' in cfg:
        model.setdefault('data_preprocessor', cfg.data_preprocessor)
    return model
