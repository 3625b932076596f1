"""Write the annotation files of the WHU building data set.

Each connected part of a label image becomes one building::

    python tools/dataset_converters/whu2coco.py data/WHU

Reads ``imgs/{train,val,test}/{image,label}/*.tif`` below the folder, as
published, and writes ``annotations/WHU_building_{train,val,test}.json``.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from pycocotools import mask as coco_mask
from rich.progress import track

from mmrs.errors import InputError
from mmrs.utils.cli import run_tool


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('data_root', type=Path, help='e.g. data/WHU')
    parser.add_argument(
        '--splits', nargs='+', default=['train', 'val', 'test']
    )
    return parser.parse_args()


def convert(folder: Path) -> dict:
    """Annotate a split.

    Args:
        folder: Holds ``image/*.tif`` and labels of the same names in
            ``label/``; a label is 0 on ground, anything else on buildings.

    Returns:
        A COCO file of one category, its images sorted by name.

    Raises:
        InputError: There is no image, or one without a label of its size.
    """
    paths = sorted((folder / 'image').glob('*.tif'))
    if not paths:
        raise InputError(f'{folder / "image"}: no .tif images there')
    images, annotations = [], []
    for image_id, path in enumerate(track(paths, folder.name)):
        label = _read_label(folder / 'label' / path.name, path)
        height, width = label.shape
        images.append(
            dict(id=image_id, file_name=path.name, width=width, height=height)
        )
        for building in find_buildings(label):
            annotations.append(
                dict(
                    id=len(annotations),
                    image_id=image_id,
                    category_id=1,
                    iscrowd=0,
                    **building,
                )
            )
    return dict(
        images=images,
        annotations=annotations,
        categories=[dict(id=1, name='building')],
    )


def find_buildings(label: np.ndarray) -> list[dict]:
    """Describe the 4-connected parts of a label (H, W).

    Returns:
        ``segmentation`` (RLE), ``area`` in pixels and ``bbox`` (x, y, width,
        height) of each, from the top of the image down.
    """
    import cv2

    count, parts = cv2.connectedComponents(
        (label > 0).astype(np.uint8), connectivity=4
    )
    buildings = []
    for i in range(1, count):
        rle = coco_mask.encode(np.asfortranarray(parts == i, dtype=np.uint8))
        buildings.append(
            dict(
                segmentation=dict(
                    size=rle['size'], counts=rle['counts'].decode('ascii')
                ),
                area=int(coco_mask.area(rle)),
                bbox=coco_mask.toBbox(rle).tolist(),
            )
        )
    return buildings


def _read_label(path: Path, image_path: Path) -> np.ndarray:
    import cv2

    label = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if label is None:
        raise InputError(f'{path}: the label of {image_path} cannot be read')
    size = cv2.imread(str(image_path), cv2.IMREAD_GRAYSCALE)
    if size is None or size.shape != label.shape:
        raise InputError(
            f'{path}: its size differs from that of {image_path}, or that '
            'image cannot be read'
        )
    return label


def main() -> None:
    """Convert all splits."""
    args = parse_args()
    for split in args.splits:
        coco = convert(args.data_root / 'imgs' / split)
        path = args.data_root / f'annotations/WHU_building_{split}.json'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(coco))
        print(
            f'{path}: {len(coco["images"])} images, '
            f'{len(coco["annotations"])} buildings'
        )


if __name__ == '__main__':
    run_tool(main)
