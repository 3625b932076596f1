"""Generate a fine image from a coarse one, georeferenced and of any size.

::

    python tools/metaearth/generate.py 256m.tif 4m.tif --model work_dirs/earth
    python tools/metaearth/generate.py 64m.tif 16m.tif --stages 1 \
        --model CONFIG --weights CHECKPOINT --solver dpm --overlap 0.25
    python tools/metaearth/generate.py map.png fine.png --gsd 256 --model ...
    torchrun --nproc-per-node 4 tools/metaearth/generate.py ...

Each stage is four times as fine as its input. ``--window`` generates a part,
which is the same as in the whole. A run that ended early goes on where it
was when the command is given again. Several processes share the rows, and
write the same file as one.
"""

import argparse

from arguments import (
    add_model_arguments,
    add_sampling_arguments,
    join_processes,
    load_pipeline,
    sampling_settings,
)

from mmrs.utils.cli import run_tool
from mmrs.utils.memory import share_heap


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('src', help='GeoTIFF, PNG, JPEG or BMP')
    parser.add_argument('dst', help='GeoTIFF, or PNG with a world file')
    parser.add_argument(
        '--stages', type=int, default=3, help='times 4 each (default: 3)'
    )
    parser.add_argument(
        '--gsd',
        type=float,
        help='side of a pixel of SRC in metres (default: as its CRS tells)',
    )
    parser.add_argument(
        '--window',
        nargs=4,
        type=int,
        metavar=('ROW', 'COLUMN', 'HEIGHT', 'WIDTH'),
        help='part to generate, in output pixels',
    )
    parser.add_argument(
        '--bands',
        nargs=3,
        type=int,
        metavar=('RED', 'GREEN', 'BLUE'),
        help='numbers from 1 (default: 1 2 3)',
    )
    parser.add_argument(
        '--stretch',
        nargs=2,
        type=float,
        metavar=('LOW', 'HIGH'),
        help='values that become black and white (default: percentiles 2 '
        'and 98 of each band; none for 8 bits)',
    )
    parser.add_argument(
        '--resample-to',
        type=float,
        metavar='GSD',
        help='resample a GeoTIFF to pixels of so many metres first',
    )
    parser.add_argument(
        '--cog', action='store_true', help='write a Cloud Optimized GeoTIFF'
    )
    parser.add_argument(
        '--no-overviews', action='store_true', help='add no smaller copies'
    )
    parser.add_argument(
        '--overwrite', action='store_true', help='replace DST if it exists'
    )
    add_model_arguments(parser)
    add_sampling_arguments(parser)
    return parser.parse_args()


def main() -> None:
    """Generate and say what was written."""
    args = parse_args()
    share_heap()  # before there are threads
    device = join_processes(args.device)
    from mmengine.dist import is_main_process

    told = load_pipeline(args, device).to_geotiff(
        args.src,
        args.dst,
        stages=args.stages,
        gsd=args.gsd,
        window=args.window,
        bands=args.bands,
        stretch=args.stretch and [args.stretch] * 3,
        resample_to=args.resample_to,
        cog=args.cog,
        overviews=not args.no_overviews,
        overwrite=args.overwrite,
        **sampling_settings(args),
    )
    if is_main_process():
        print(
            f'{told["path"]}: {told["width"]} x {told["height"]} px of '
            f'{told["gsd"]:g} m'
        )


if __name__ == '__main__':
    run_tool(main)
