"""Draw pairs of a data set in the layout of LEVIR-MCI on one sheet.

    python tools/misc/make_pair_sheet.py data/LEVIR-MCI sheet.jpg \
        --pairs train_000001 train_000002

For each pair the two dates, the label image (roads yellow, buildings red)
and the first captions.
"""

import argparse
import json
from pathlib import Path

from mmrs.errors import InputError
from mmrs.utils.cli import run_tool

PANEL, GAP, LINE = 200, 8, 17  # pixels
FOLDERS = ('A', 'B', 'label')
COLOURS = {128: (255, 255, 0), 255: (255, 0, 0)}


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('data', type=Path, help='folder of the data set')
    parser.add_argument('out', type=Path, help='picture to write')
    parser.add_argument(
        '--pairs',
        nargs='+',
        metavar='NAME',
        help='names of the pairs, without ending (default: the first six)',
    )
    parser.add_argument(
        '--columns', type=int, default=2, help='pairs in a row (default: 2)'
    )
    parser.add_argument(
        '--captions', type=int, default=3, help='of each pair (default: 3)'
    )
    return parser.parse_args()


def read_pairs(data: Path, names: list[str] | None) -> list[dict]:
    """Read what the caption file says of some pairs."""
    path = data / 'LevirCCcaptions.json'
    if not path.is_file():
        raise InputError(f"{path} does not exist; give the data set's folder")
    images = json.loads(path.read_text(encoding='utf-8'))['images']
    by_name = {Path(image['filename']).stem: image for image in images}
    for name in names or ():
        if name not in by_name:
            raise InputError(f'{path} has no pair {name}')
    return [by_name[name] for name in names or list(by_name)[:6]]


def draw_pair(data: Path, image: dict, captions: int):
    """Draw one pair and its captions."""
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    width = len(FOLDERS) * (PANEL + GAP) - GAP
    tile = Image.new('RGB', (width, PANEL + captions * LINE + GAP), 'white')
    for column, folder in enumerate(FOLDERS):
        path = data / 'images' / image['split'] / folder / image['filename']
        panel = Image.open(path).convert('RGB')
        if folder == 'label':
            grey = np.asarray(panel)[..., 0]
            colour = np.zeros((*grey.shape, 3), np.uint8)
            for level, value in COLOURS.items():
                colour[grey == level] = value
            panel = Image.fromarray(colour)
        smaller = panel.width < PANEL and folder != 'label'
        method = Image.Resampling.BICUBIC if smaller else None
        panel = panel.resize((PANEL, PANEL), method or Image.Resampling.BOX)
        tile.paste(panel, (column * (PANEL + GAP), 0))
    draw, font = ImageDraw.Draw(tile), ImageFont.load_default(size=13)
    for row, sentence in enumerate(image['sentences'][:captions]):
        text = ' '.join(sentence['tokens'])
        draw.text((0, PANEL + 3 + row * LINE), text, 'black', font)
    return tile


def main() -> None:
    """Run the tool."""
    args = parse_args()
    from PIL import Image

    pairs = read_pairs(args.data, args.pairs)
    tiles = [draw_pair(args.data, pair, args.captions) for pair in pairs]
    width, height = (size + 2 * GAP for size in tiles[0].size)
    rows = -(-len(tiles) // args.columns)
    sheet = Image.new('RGB', (width * args.columns, height * rows), 'white')
    for k, tile in enumerate(tiles):
        row, column = divmod(k, args.columns)
        sheet.paste(tile, (column * width + GAP, row * height + GAP))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(args.out, quality=90)


if __name__ == '__main__':
    run_tool(main)
