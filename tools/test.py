"""Test a model: print the metrics of its config.

One process::

    python tools/test.py CONFIG CHECKPOINT
    python tools/test.py CONFIG CHECKPOINT --show-dir work_dirs/drawn
    python tools/test.py CONFIG CHECKPOINT --out predictions.pkl --tta

Two GPUs, or two CPU processes where there is no GPU::

    bash tools/dist_test.sh CONFIG CHECKPOINT 2
"""

import argparse
from pathlib import Path

from mmengine.config import Config

from mmrs.config import innermost
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
    parser.add_argument('checkpoint', help='checkpoint file or URL')
    add_runner_arguments(parser)
    parser.add_argument(
        '--tta',
        action='store_true',
        help='merge predictions over the augmentations of `tta_pipeline`',
    )
    parser.add_argument(
        '--out', metavar='PKL', help='write the predictions to this file'
    )
    parser.add_argument(
        '--show-dir', help='write the drawn predictions to this folder'
    )
    parser.add_argument(
        '--show', action='store_true', help='show the drawn predictions'
    )
    return parser.parse_args()


def add_hook(cfg: Config, hook: dict) -> None:
    """Append a hook to those of the config."""
    cfg.custom_hooks = [*(cfg.get('custom_hooks') or []), hook]


def set_drawing(cfg: Config, show_dir: str | None, show: bool) -> None:
    """Draw every prediction with the ``draw_hook`` of the config."""
    if 'draw_hook' not in cfg:
        raise InputError(
            f'--show and --show-dir need `draw_hook` in {cfg.filename}'
        )
    hook = dict(cfg.draw_hook, draw=True, show=show)
    if show_dir:
        hook['test_out_dir'] = str(Path(show_dir).resolve())
    add_hook(cfg, hook)


def set_dump(cfg: Config, out: str) -> None:
    """Add a metric that writes the predictions.

    A config whose predictions want packing (masks as RLE) names its own
    metric in ``dump_metric``.
    """
    if Path(out).suffix not in ('.pkl', '.pickle'):
        raise InputError(f'--out {out}: the file name must end in .pkl')
    metrics = cfg.test_evaluator
    metrics = [metrics] if isinstance(metrics, dict) else list(metrics)
    dump = dict(cfg.get('dump_metric', dict(type='DumpResults')))
    cfg.test_evaluator = [*metrics, dict(dump, out_file_path=out)]


def set_tta(cfg: Config) -> None:
    """Test with the augmentations and the merging model of the config."""
    if 'tta_model' not in cfg or 'tta_pipeline' not in cfg:
        raise InputError(
            f'--tta needs `tta_model` and `tta_pipeline` in {cfg.filename}'
        )
    innermost(cfg.test_dataloader.dataset).pipeline = cfg.tta_pipeline
    add_hook(cfg, dict(type='PrepareTTAHook', tta_cfg=cfg.tta_model))


def main() -> None:
    """Test."""
    args = parse_args()
    cfg = load_runner_config(args)
    if args.show or args.show_dir:
        set_drawing(cfg, args.show_dir, args.show)
    if args.out:
        set_dump(cfg, args.out)
    if args.tta:
        set_tta(cfg)

    from mmrs.utils.testing import build_test_runner

    build_test_runner(cfg, args.checkpoint).test()


if __name__ == '__main__':
    run_tool(main)
