"""Instance annotations in COCO's format."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from mmrs.synthetic.layouts.scenes import (
    Instance,
    is_validation,
    write_jpeg,
)


def write_scenes(
    out: Path,
    name: str,
    digits: int,
    categories: tuple[str, ...],
    scenes: Iterable[tuple[np.ndarray, list[Instance]]],
    val_fraction: float,
) -> Iterator[Path]:
    """Write numbered JPEG images and their annotations, file by file.

    ``imgs/1.jpg`` ... and ``annotations/NAME_instances_{train,val}.json``;
    the id of an image is its number less one.

    Args:
        out: folder to write to.
        name: start of the annotation files' names.
        digits: of the images' numbers.
        categories: names of the classes in the order of their ids.
        scenes: pictures, uint8 (H, W, 3) RGB or (H, W), and their instances.
        val_fraction: share of the images held out for validation.

    Yields:
        the path of every file written.
    """
    files = {split: CocoFile(categories) for split in ('train', 'val')}
    for k, (image, instances) in enumerate(scenes):
        path = out / 'imgs' / f'{k + 1:0{digits}d}.jpg'
        write_jpeg(path, image)
        coco = files['val' if is_validation(k, val_fraction) else 'train']
        coco.add_image(k, path.name, image.shape)
        for thing, mask in instances:
            coco.add_mask(thing.kind, mask)
        yield path
    for split, coco in files.items():
        path = out / 'annotations' / f'{name}_instances_{split}.json'
        coco.write(path)
        yield path


class CocoFile:
    """A COCO annotation file in the making.

    Args:
        categories: names, given ids from 1.
        first_annotation: id of the first annotation.
    """

    def __init__(self, categories: tuple[str, ...], first_annotation: int = 1):
        self.categories = categories
        self.first_annotation = first_annotation
        self.images: list[dict] = []
        self.annotations: list[dict] = []

    def add_image(self, image_id: int, name: str, shape) -> None:
        """Add an image of shape (H, W, ...)."""
        height, width = shape[:2]
        self.images.append(
            dict(id=image_id, file_name=name, width=width, height=height)
        )

    def add_mask(self, category: str, mask: np.ndarray, polygons=True) -> None:
        """Add an instance to the last image.

        Args:
            category: one of the categories.
            mask: bool (H, W), not empty.
            polygons: write polygons along the pixels' edges, which rasterise
                to the mask but for holes in it; else RLE.
        """
        rle = coco_mask.encode(np.asfortranarray(mask, np.uint8))
        if polygons:
            segmentation = outlines(mask)
            height, width = mask.shape
            rle = coco_mask.merge(
                coco_mask.frPyObjects(segmentation, height, width)
            )
        else:
            counts = rle['counts'].decode('ascii')
            segmentation = dict(size=rle['size'], counts=counts)
        self.annotations.append(
            dict(
                id=self.first_annotation + len(self.annotations),
                image_id=self.images[-1]['id'],
                category_id=self.categories.index(category) + 1,
                segmentation=segmentation,
                area=int(coco_mask.area(rle)),
                bbox=[int(value) for value in coco_mask.toBbox(rle)],
                iscrowd=0,
            )
        )

    def write(self, path: Path) -> None:
        """Write the file."""
        content = dict(
            info=dict(
                description='Synthetic scenes in the layout of a real set',
                version='1.0',
            ),
            licenses=[],
            images=self.images,
            annotations=self.annotations,
            categories=[
                dict(id=k, name=name)
                for k, name in enumerate(self.categories, 1)
            ],
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))


def outlines(mask: np.ndarray) -> list[list[float]]:
    """Trace a mask along the edges of its pixels, holes left out.

    Args:
        mask: bool (H, W).

    Returns:
        One flat list ``[x0, y0, x1, y1, ...]`` of pixel corners per part.
    """
    # At twice the size each pixel's corners have contour points of their
    # own; (c + 1) // 2 takes them back to the corner they lie at.
    double = np.kron(mask.astype(np.uint8), np.ones((2, 2), np.uint8))
    found, _ = cv2.findContours(
        double, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    parts = []
    for contour in found:
        corners = (contour[:, 0] + 1) // 2
        corners = corners[(corners != np.roll(corners, -1, 0)).any(1)]
        before = corners - np.roll(corners, 1, 0)
        after = np.roll(corners, -1, 0) - corners
        bends = (before != after).any(1)
        parts.append([float(value) for value in corners[bends].ravel()])
    return parts
