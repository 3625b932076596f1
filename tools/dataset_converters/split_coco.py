"""Split a COCO annotation file into training and validation.

The validation lists of RSPrompter's release are in ``splits/``::

    python tools/dataset_converters/split_coco.py \
        data/NWPU/annotations/annotations.json \
        tools/dataset_converters/splits/nwpu_val.txt --prefix NWPU_instances
    python tools/dataset_converters/split_coco.py \
        data/SSDD/annotations/annotations.json \
        tools/dataset_converters/splits/ssdd_val.txt --prefix SSDD_instances

Writes ``PREFIX_train.json`` and ``PREFIX_val.json`` beside the input.
"""

import argparse
import json
from pathlib import Path

from mmrs.errors import InputError
from mmrs.utils.cli import run_tool


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('annotations', type=Path, help='COCO JSON of all')
    parser.add_argument(
        'val_list',
        type=Path,
        help='text file: names of the validation images without suffix',
    )
    parser.add_argument('--prefix', default='instances')
    return parser.parse_args()


def split(coco: dict, val_names: set[str]) -> tuple[dict, dict]:
    """Divide a COCO file by image names.

    Args:
        coco: The content of the file.
        val_names: File names without folder and suffix.

    Returns:
        The parts for training and validation.

    Raises:
        InputError: A name of the list is not in the file.
    """
    stems = {image['id']: _stem(image) for image in coco['images']}
    absent = sorted(val_names - set(stems.values()))
    if absent:
        raise InputError(
            f'{len(absent)} of the {len(val_names)} validation images are '
            f'not in the annotation file, first: {absent[0]}'
        )
    val_ids = {i for i, stem in stems.items() if stem in val_names}
    return _subset(coco, set(stems) - val_ids), _subset(coco, val_ids)


def _stem(image: dict) -> str:
    return Path(image['file_name']).stem


def _subset(coco: dict, image_ids: set[int]) -> dict:
    return coco | dict(
        images=[i for i in coco['images'] if i['id'] in image_ids],
        annotations=[
            a for a in coco['annotations'] if a['image_id'] in image_ids
        ],
    )


def main() -> None:
    """Split the file."""
    args = parse_args()
    coco = json.loads(args.annotations.read_text())
    parts = split(coco, set(args.val_list.read_text().split()))
    for name, part in zip(('train', 'val'), parts):
        path = args.annotations.with_name(f'{args.prefix}_{name}.json')
        path.write_text(json.dumps(part))
        print(
            f'{path}: {len(part["images"])} images, '
            f'{len(part["annotations"])} objects'
        )


if __name__ == '__main__':
    run_tool(main)
