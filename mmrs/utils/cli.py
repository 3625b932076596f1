"""What the command-line tools share: arguments, configs, readable errors."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from mmengine.config import Config, DictAction

from mmrs.config import load_config
from mmrs.errors import InputError

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
    that a registry of another library does not know.
    """
    message = _without_worker_trace(str(error))
    if isinstance(error, InputError | FileNotFoundError):
        return message
    if isinstance(error, KeyError) and ' registry. ' in message:
        missing = message.strip('"\'').split(' registry. ')[0]
        return (
            f'{missing} registry: correct the `type` in the config, or name '
            'the module of your own that registers it in `custom_imports`'
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
