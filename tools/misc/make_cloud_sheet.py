"""Draw images of a data set in the layout of LEVIR_CS on one sheet.

    python tools/misc/make_cloud_sheet.py data/LEVIR_CS sheet.jpg --num 12

For each image true colour, false colour (near infrared, red, green) and the
label: cloud white, snow blue.
"""

import argparse
from pathlib import Path

from mmrs.errors import InputError
from mmrs.utils.cli import run_tool

PANEL, GAP = 128, 4  # pixels
WHITE = 1023  # level of the brightest pixels
COLOURS = ((40, 40, 40), (255, 255, 255), (90, 160, 255))


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('data', type=Path, help='folder of the data set')
    parser.add_argument('out', type=Path, help='picture to write')
    parser.add_argument(
        '--num', type=int, default=12, help='images to show (default: 12)'
    )
    parser.add_argument(
        '--columns', type=int, default=2, help='images in a row (default: 2)'
    )
    return parser.parse_args()


def draw_image(mss: Path, label: Path):
    """Draw one image and its label."""
    import numpy as np
    import rasterio
    from PIL import Image

    with rasterio.open(mss) as file:
        blue, green, red, nir = file.read() / WHITE
    with rasterio.open(label) as file:
        classes = file.read(1)
    panels = [
        np.clip(255 * np.stack(bands, -1) ** (1 / 2.2), 0, 255)
        for bands in ((red, green, blue), (nir, red, green))
    ]
    panels.append(np.array(COLOURS)[classes])
    tile = Image.new('RGB', (3 * (PANEL + GAP) - GAP, PANEL), 'white')
    for column, panel in enumerate(panels):
        panel = Image.fromarray(panel.astype(np.uint8))
        method = 'NEAREST' if column == 2 else 'BICUBIC'  # 2 is the label
        panel = panel.resize((PANEL, PANEL), Image.Resampling[method])
        tile.paste(panel, (column * (PANEL + GAP), 0))
    return tile


def main() -> None:
    """Run the tool."""
    args = parse_args()
    from PIL import Image

    train = args.data / 'train'
    # The last part of a name is its number.
    images = sorted(train.glob('mss/*_mss.tiff'), key=lambda x: x.stem[-10:])
    if not images:
        raise InputError(f"{train}/mss has no images; give the set's folder")
    tiles = []
    for mss in images[: args.num]:
        name = mss.name.replace('_mss.tiff', '_roiMap.tif')
        tiles.append(draw_image(mss, train / 'label_0_1_2' / name))
    width, height = (size + 2 * GAP for size in tiles[0].size)
    rows = -(-len(tiles) // args.columns)
    sheet = Image.new('RGB', (width * args.columns, height * rows), 'white')
    for k, tile in enumerate(tiles):
        row, column = divmod(k, args.columns)
        sheet.paste(tile, (column * width + GAP, row * height + GAP))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(args.out, quality=80)


if __name__ == '__main__':
    run_tool(main)
