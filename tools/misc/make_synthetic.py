"""Write a small synthetic data set in the layout of a real one.

    python tools/misc/make_synthetic.py --layout nwpu --out data/NWPU

Scenes of one seeded world, seen from above: see ``mmrs.synthetic``. The same
arguments give the same bytes; with a larger --num the first images stay the
same.
"""

import argparse
from pathlib import Path

from mmrs.utils.cli import run_tool

LAYOUTS = {
    'nwpu': 'NWPU VHR-10: ten classes of objects, COCO polygons',
    'whu': 'WHU building: TIFF images and labels, COCO RLE',
    'ssdd': 'SSDD: radar images of ships, COCO polygons',
    'scene-cls': 'scene classification: one folder a class',
    'levir-cc': 'LEVIR-CC: places at two dates, five captions each',
    'levir-mci': 'LEVIR-MCI: the same with masks of the changes',
    'levir-cs': 'LEVIR_CS: clouds and snow, four bands of 10 bits',
    '38-cloud': '38-Cloud: clouds, patches of Landsat-like scenes',
    'metaearth': 'MetaEarth: tiles at 64, 16 and 4 m, 81 of a place',
}


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        '--layout',
        required=True,
        choices=LAYOUTS,
        help='; '.join(f'{name}: {what}' for name, what in LAYOUTS.items()),
    )
    parser.add_argument('--out', type=Path, required=True, help='folder')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--num', type=int, default=100, help='images or pairs')
    parser.add_argument(
        '--size', type=int, default=256, help='pixels along each side'
    )
    parser.add_argument(
        '--gsd',
        type=float,
        help='pixel size in metres (default: one that suits the layout)',
    )
    parser.add_argument(
        '--val-fraction',
        type=float,
        default=0.2,
        help='share of the images held out (default: 0.2)',
    )
    return parser.parse_args()


def main() -> None:
    """Run the tool."""
    args = parse_args()
    from mmrs.synthetic.layouts import write_dataset

    write_dataset(**vars(args))


if __name__ == '__main__':
    run_tool(main)
