"""Train a model.

One process::

    python tools/train.py CONFIG
    python tools/train.py CONFIG --amp --work-dir work_dirs/mine
    python tools/train.py CONFIG --resume
    python tools/train.py CONFIG --cfg-options train_dataloader.batch_size=4

Two GPUs, or two CPU processes where there is no GPU::

    bash tools/dist_train.sh CONFIG 2
"""

import argparse
from pathlib import Path

from mmengine.config import Config

from mmrs.errors import InputError
from mmrs.utils.cli import (
    add_config_arguments,
    add_runner_arguments,
    load_runner_config,
    run_tool,
)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_config_arguments(parser)
    add_runner_arguments(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='go on from this checkpoint, or, if none is named, from the '
        'last complete one in the work folder',
    )
    parser.add_argument(
        '--amp',
        nargs='?',
        const='bf16',
        choices=['bf16', 'fp16'],
        help='train in mixed precision (bf16 if none is named); on a CPU '
        'this warns and goes on in fp32',
    )
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate with the total batch size',
    )
    return parser.parse_args()


def set_resume(cfg: Config, resume: str | None) -> None:
    """Write what ``--resume`` says into the config.

    FlexibleRunner's strategies may save a folder of shards; finding the last
    one is left to them.
    """
    if resume is None:
        return
    if resume == 'auto' and 'strategy' in cfg:
        cfg.resume, cfg.load_from = True, None
        return

    from mmrs.utils.checkpoint import find_last_complete

    checkpoint = (
        find_last_complete(cfg.work_dir) if resume == 'auto' else resume
    )
    if checkpoint is None:
        print(f'No checkpoint in {cfg.work_dir} yet: training from the start.')
        return
    if not Path(checkpoint).exists():
        raise InputError(f'--resume: checkpoint {checkpoint} does not exist')
    cfg.resume, cfg.load_from = True, str(checkpoint)


def main() -> None:
    """Train."""
    args = parse_args()
    cfg = load_runner_config(args)
    set_resume(cfg, args.resume)

    from mmrs.registry import RUNNERS
    from mmrs.utils.machine import (
        fit_to_machine,
        scale_learning_rate,
        use_amp,
    )

    if args.amp:
        use_amp(cfg, args.amp)
    if args.auto_scale_lr:
        scale_learning_rate(cfg)
    fit_to_machine(cfg)
    RUNNERS.build(cfg).train()


if __name__ == '__main__':
    run_tool(main)
