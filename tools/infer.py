"""Apply a model to an image, or to all images of a folder.

::

    python tools/infer.py image.jpg CONFIG CHECKPOINT
    python tools/infer.py folder/ CONFIG CHECKPOINT --batch-size 4
    python tools/infer.py folder/ CONFIG CHECKPOINT --device cuda:1

Drawn images, the predictions and tables are written to ``--out-dir``. Files
that cannot be read are skipped and listed at the end.
"""

import argparse

from mmrs.utils.cli import (
    add_config_arguments,
    load_config,
    run_tool,
)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('input', help='image file or folder of images')
    add_config_arguments(parser)
    parser.add_argument('checkpoint', help='checkpoint file or URL')
    parser.add_argument('--out-dir', default='outputs')
    parser.add_argument('--batch-size', type=int, default=1)
    parser.add_argument(
        '--score-thr',
        type=float,
        default=0.3,
        help='predictions with a lower score are left out (default: 0.3)',
    )
    parser.add_argument(
        '--device', help='cpu, cuda or cuda:N (default: a GPU if there is one)'
    )
    return parser.parse_args()


def main() -> None:
    """Predict."""
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options)

    import mmrs.apis  # noqa: F401  (registers the inferencers)
    from mmrs.registry import INFERENCERS

    inferencer = INFERENCERS.build(
        dict(
            cfg.get('inferencer', dict(type='InstanceSegInferencer')),
            model=cfg,
            weights=args.checkpoint,
            device=args.device,
        )
    )
    results = inferencer(
        args.input,
        batch_size=args.batch_size,
        out_dir=args.out_dir,
        score_thr=args.score_thr,
    )
    print(
        f'{len(results["predictions"])} images done, '
        f'{len(results["skipped"])} skipped, see {args.out_dir}'
    )


if __name__ == '__main__':
    run_tool(main)
