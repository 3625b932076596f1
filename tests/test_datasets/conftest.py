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


NO_CHANGE = (
    ' the scene is the same as before .',
    ' there is no difference .',
    ' the two scenes seem identical .',
    ' no change has occurred .',
    ' almost nothing has changed .',
)


def change_captions(name) -> list[str]:
    """Five sentences for a changed pair: its name is one of the words."""
    return [
        f' a house {name} is built on the left .',
        ' a road , a house and trees appear .',
        ' houses are built along the road .',
        ' some houses appear at the top .',
        ' a villa is built .',
    ]


@pytest.fixture
def write_pairs(tmp_path):
    """Return a function that writes pairs in the layout of LEVIR-MCI.

    Every second pair is unchanged. `edit` receives the content of the caption
    file before it is written.
    """

    def write(
        splits=('train', 'val', 'test'),
        count=4,
        ann_file='LevirCCcaptions.json',
        edit=None,
        size=(HEIGHT, WIDTH),
    ) -> Path:
        rng = np.random.default_rng(0)
        images = []
        for split in splits:
            for i in range(count):
                name = f'{split}_{i:06d}.png'
                label = np.zeros((*size, 3), np.uint8)
                if i % 2 == 0:
                    label[2:10, 4:20] = 128
                    label[20:30, 30:50] = 255
                files = dict(
                    A=rng.integers(0, 256, (*size, 3), dtype=np.uint8),
                    B=rng.integers(0, 256, (*size, 3), dtype=np.uint8),
                    label=label,
                )
                for folder, pixels in files.items():
                    path = tmp_path / 'images' / split / folder / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    cv2.imwrite(str(path), pixels[..., ::-1])
                raws = NO_CHANGE if i % 2 else change_captions(f'n{i}')
                images.append(
                    dict(
                        filename=name,
                        split=split,
                        sentences=[dict(raw=raw) for raw in raws],
                    )
                )
        content = dict(images=images)
        if edit is not None:
            edit(content)
        (tmp_path / ann_file).write_text(json.dumps(content))
        return tmp_path

    return write
