"""Cut images into tiles at several resolutions, as MetaEarth is trained on.

::

    python tools/dataset_converters/cut_pyramid_tiles.py SCENES \
        --out data/metaearth --gsd 4
    python tools/dataset_converters/cut_pyramid_tiles.py GEOTIFFS \
        --out data/mine --levels 1 4 --split train=0.9 val=0.05 test=0.05

Writes ``OUT/SPLIT/rMETRES/*.png`` and ``OUT/SPLIT/index.jsonl``. An image is
reduced to each level by means of areas and cut without overlap; tiles with
missing pixels are left out. Splits are by location: all that lies in one
square of a degree is of one split, and so are all tiles of an image without
a place.
"""

import argparse
from collections import Counter
from pathlib import Path

from mmrs.errors import InputError
from mmrs.utils.cli import run_tool


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('src', type=Path, help='folder of images')
    parser.add_argument('--out', type=Path, required=True, help='folder')
    parser.add_argument(
        '--gsd',
        type=float,
        help='metres a pixel (default: what the CRS of each GeoTIFF tells)',
    )
    parser.add_argument('--size', type=int, default=256, help='of tiles')
    parser.add_argument(
        '--levels',
        nargs='+',
        type=int,
        default=[1, 4, 16],
        help='by how much to reduce (default: 1 4 16)',
    )
    parser.add_argument(
        '--split',
        nargs='+',
        default=['train=0.9', 'val=0.05', 'test=0.05'],
        metavar='NAME=SHARE',
        help='shares of the squares (default: train=0.9 val=0.05 test=0.05)',
    )
    parser.add_argument(
        '--square', type=float, default=1.0, help='side in degrees'
    )
    parser.add_argument('--seed', type=int, default=0, help='of the splits')
    parser.add_argument('--source', default='', help='noted in the index')
    parser.add_argument('--license', default='', help='noted in the index')
    return parser.parse_args()


def parse_split(shares: list[str]) -> dict[str, float]:
    """Read ``NAME=SHARE`` arguments; the shares must sum to one."""
    split = {}
    for item in shares:
        name, equals, share = item.partition('=')
        try:
            split[name] = float(share)
        except ValueError as error:
            raise InputError(
                f'--split {item}: give NAME=SHARE, for example train=0.9'
            ) from error
    if abs(sum(split.values()) - 1) > 1e-6 or min(split.values()) < 0:
        raise InputError(
            f'--split {" ".join(shares)}: the shares must sum to 1'
        )
    return split


def choose_split(split: dict[str, float], *keys: object) -> str:
    """Choose a split as a function of keys alone."""
    import hashlib

    digest = hashlib.sha256(repr(keys).encode()).digest()
    draw = int.from_bytes(digest[:8], 'big') / 2**64
    for name, share in split.items():
        draw -= share
        if draw < 0:
            return name
    return name


def place_of(path: Path, row: float, col: float):
    """Latitude, longitude and EPSG code of a pixel; None without a place."""
    from mmrs.geo.georeference import read_georeference

    place = read_georeference(path)
    if place is None or place.crs is None:
        return None
    lon, lat = place.to_degrees([(col, row)])[0]
    return float(lat), float(lon), place.crs.to_epsg()


def cut(image, missing, size: int, level: int):
    """Cut an image at a level; yield row, column of pixels, and the tile.

    Args:
        image: (H, W, 3), uint8.
        missing: (H, W), bool.
        size: Of the tiles.
        level: By how much to reduce.
    """
    import cv2

    step = size * level
    for top in range(0, image.shape[0] - step + 1, step):
        for left in range(0, image.shape[1] - step + 1, step):
            part = slice(top, top + step), slice(left, left + step)
            if not missing[part].any():
                tile = cv2.resize(
                    image[part], (size, size), interpolation=cv2.INTER_AREA
                )
                yield top, left, tile


def read(path: Path):
    """Read an image, BGR uint8, and where it has no data, bool (H, W)."""
    import numpy as np

    from mmrs.datasets import LoadRSImage
    from mmrs.geo.images import read_image

    image = LoadRSImage()(dict(img_path=str(path)))['img']
    valid = read_image(path).valid
    missing = np.zeros(image.shape[:2], bool) if valid is None else ~valid
    return image, missing


def cut_scene(info: dict, args: argparse.Namespace, split: dict):
    """Cut a scene; yield the split, the entry of the index, and the tile."""
    path, gsd = Path(info['img_path']), info['resolution']
    image, missing = read(path)
    stem = info['sample_id'].replace('/', '-')
    largest = args.size * max(args.levels)
    for level in args.levels:
        for top, left, tile in cut(image, missing, args.size, level):
            # All tiles in a coarse one share its place, and so its split.
            row, col = (at // largest * largest for at in (top, left))
            place = place_of(path, row + largest / 2, col + largest / 2)
            square = stem
            if place:
                square = [int(x // args.square) for x in place[:2]]
            entry = dict(
                file=f'r{gsd * level:g}/{stem}_{top}_{left}.png',
                res=gsd * level,
                source=args.source,
                license=args.license,
            )
            if place:
                entry |= dict(zip(('lat', 'lon', 'epsg'), place))
            yield choose_split(split, args.seed, square), entry, tile


def write_tile(folder: Path, entry: dict, tile) -> None:
    """Write a tile and its line of the index.

    Raises:
        InputError: The tile is there already.
    """
    import json

    import cv2

    path = folder / entry['file']
    if path.exists():
        raise InputError(
            f'{path} exists already, and would be twice in the index; give '
            '--out another folder'
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), tile)
    with (folder / 'index.jsonl').open('a') as index:
        index.write(f'{json.dumps(entry)}\n')


def main() -> None:
    """Cut all images."""
    args = parse_args()
    from rich.progress import track

    from mmrs.datasets import ResolutionPyramidDataset

    split = parse_split(args.split)
    scenes = ResolutionPyramidDataset(str(args.src), gsd=args.gsd)
    counts: Counter = Counter()
    for i in track(range(len(scenes)), 'images'):
        for name, entry, tile in cut_scene(
            scenes.get_data_info(i), args, split
        ):
            write_tile(args.out / name, entry, tile)
            counts[name, entry['res']] += 1
    for (name, resolution), count in sorted(counts.items()):
        print(f'{name}: {count} tiles of {resolution:g} m')


if __name__ == '__main__':
    run_tool(main)
