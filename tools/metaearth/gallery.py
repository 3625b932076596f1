"""Draw the stages of MetaEarth side by side, a row for each seed.

::

    python tools/metaearth/gallery.py 256m.tif gallery.png --model ... \
        --seeds 0 1 2 --stages 3

The columns are the condition, the condition enlarged by cubic interpolation,
and the output of each stage. All show the same ground.
"""

import argparse
from pathlib import Path

from arguments import (
    add_model_arguments,
    add_sampling_arguments,
    load_pipeline,
    sampling_settings,
)

from mmrs.errors import InputError
from mmrs.utils.cli import run_tool

GAP = 6  # pixels between panels
TITLE = 18  # pixels above the columns


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('src', help='image to generate from')
    parser.add_argument('out', type=Path, help='picture to write')
    parser.add_argument('--stages', type=int, default=3)
    parser.add_argument('--gsd', type=float, help='of SRC, metres a pixel')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument(
        '--at',
        type=int,
        nargs=2,
        metavar=('LEFT', 'TOP'),
        default=[0, 0],
        help='first pixel of SRC that is shown',
    )
    parser.add_argument(
        '--size', type=int, default=16, help='pixels of SRC that are shown'
    )
    parser.add_argument(
        '--side', type=int, default=256, help='of a panel in pixels'
    )
    add_model_arguments(parser)
    add_sampling_arguments(parser)
    return parser.parse_args()


def make_row(pipeline, source, gsd: float, args, seed: int) -> list:
    """Make the panels of a seed: PIL images of one size."""
    from PIL import Image

    settings = sampling_settings(args) | dict(seed=seed)
    stages = pipeline.lazy_cascade(source, gsd, args.stages, **settings)
    left, top = args.at
    panels, scale = [], 1
    for image in (source, source, *stages):
        scale = image.width // source.width
        part = (top * scale, left * scale, *[args.size * scale] * 2)
        panel = Image.fromarray(image.read(*part))
        way = Image.BICUBIC if len(panels) == 1 else Image.NEAREST
        if panel.width > args.side:
            way = Image.BOX
        panels.append(panel.resize((args.side, args.side), way))
    return panels


def draw_sheet(titles: list[str], rows: list[list], side: int):
    """Put panels on a white sheet under the titles of their columns."""
    from PIL import Image, ImageDraw

    step = side + GAP
    size = len(titles) * step - GAP, len(rows) * step - GAP + TITLE
    sheet = Image.new('RGB', size, 'white')
    draw = ImageDraw.Draw(sheet)
    for column, title in enumerate(titles):
        draw.text((column * step + 2, 2), title, fill='black')
        for row, panels in enumerate(rows):
            at = column * step, row * step + TITLE
            sheet.paste(panels[column], at)
    return sheet


def main() -> None:
    """Generate, draw and say where."""
    args = parse_args()
    from mmrs.models.metaearth.source import SourceImage

    source = SourceImage(args.src)
    gsd = source.gsd(args.gsd)
    left, top = args.at
    if min(args.at) < 0 or (
        left + args.size > source.width or top + args.size > source.height
    ):
        raise InputError(
            f'{args.src}: is {source.width} x {source.height} px, but '
            f'{args.size} from ({left}, {top}) are to be shown; change --at '
            'or --size'
        )
    pipeline = load_pipeline(args)
    rows = [make_row(pipeline, source, gsd, args, seed) for seed in args.seeds]
    finer = [f'{gsd / 4**k:g} m' for k in range(1, args.stages + 1)]
    titles = [f'condition, {gsd:g} m', 'cubic interpolation', *finer]
    draw_sheet(titles, rows, args.side).save(args.out)
    print(args.out)


if __name__ == '__main__':
    run_tool(main)
