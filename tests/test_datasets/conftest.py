"""Fabricates tiny data sets in the layouts of the real ones."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

WIDTH, HEIGHT = 64, 48


@pytest.fixture
def write_coco():
    """Return a function that writes images and a COCO file around them.

    `edit` receives the COCO dict before it is written. Each image holds one
    square of 16 px; category ids count from 1 in turn.
    """

    def write(root, ann_file, img_dir, classes, names, edit=None) -> Path:
        folder = Path(root) / img_dir
        folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(0)
        images, annotations = [], []
        for i, name in enumerate(names):
            pixels = rng.integers(0, 100, (HEIGHT, WIDTH, 3), dtype=np.uint8)
            x, y = int(rng.integers(0, 40)), int(rng.integers(0, 30))
            pixels[y : y + 16, x : x + 16] = 255
            cv2.imwrite(str(folder / name), pixels)
            images.append(
                dict(id=i, file_name=name, width=WIDTH, height=HEIGHT)
            )
            corners = [x, y, x + 16, y, x + 16, y + 16, x, y + 16]
            annotations.append(
                dict(
                    id=i + 1,
                    image_id=i,
                    category_id=i % len(classes) + 1,
                    bbox=[x, y, 16, 16],
                    area=256,
                    iscrowd=0,
                    segmentation=[corners],
                )
            )
        categories = [dict(id=i + 1, name=c) for i, c in enumerate(classes)]
        coco = dict(
            images=images, annotations=annotations, categories=categories
        )
        if edit is not None:
            edit(coco)
        path = Path(root) / ann_file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(coco))
        return path

    return write
