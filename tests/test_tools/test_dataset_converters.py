import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from mmrs.datasets import WHUInsSegDataset


@pytest.fixture
def run(repo_root, monkeypatch) -> Callable:
    """Return a function that runs a converter with arguments."""

    def run(name, *args) -> None:
        script = repo_root / f'tools/dataset_converters/{name}.py'
        monkeypatch.setattr(sys, 'argv', [name, *map(str, args)])
        runpy.run_path(str(script), run_name='__main__')

    return run


def write_tile(root, split, name, label) -> None:
    """Write a tile as WHU does: RGB image, one-bit label."""
    for folder in ('image', 'label'):
        (root / f'imgs/{split}/{folder}').mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((*label.shape, 3), np.uint8)
    Image.fromarray(pixels).save(root / f'imgs/{split}/image/{name}.tif')
    Image.fromarray(label).save(root / f'imgs/{split}/label/{name}.tif')


def test_whu_buildings_are_4_connected_parts(run, tmp_path, capsys):
    label = np.zeros((40, 30), bool)
    label[2:6, 3:10] = True
    label[6:9, 10:14] = True  # touches the first by a corner: another one
    label[30:35, 0:20] = True
    write_tile(tmp_path, 'train', 'b', label)
    write_tile(tmp_path, 'train', 'a', np.zeros((40, 30), bool))
    run('whu2coco', tmp_path, '--splits', 'train')
    path = tmp_path / 'annotations/WHU_building_train.json'
    assert '2 images, 3 buildings' in capsys.readouterr().out
    coco = json.loads(path.read_text())
    assert [i['file_name'] for i in coco['images']] == ['a.tif', 'b.tif']
    assert {(i['height'], i['width']) for i in coco['images']} == {(40, 30)}
    boxes = [a['bbox'] for a in coco['annotations']]
    assert boxes == [[3, 2, 7, 4], [10, 6, 4, 3], [0, 30, 20, 5]]
    assert [a['area'] for a in coco['annotations']] == [28, 12, 100]
    masks = [coco_mask.decode(a['segmentation']) for a in coco['annotations']]
    np.testing.assert_array_equal(sum(masks), label)

    dataset = WHUInsSegDataset(
        data_root=str(tmp_path),
        ann_file='annotations/WHU_building_train.json',
        data_prefix=dict(img='imgs/train/image/'),
    )
    assert [len(info['instances']) for info in dataset] == [0, 3]


def test_whu_says_what_is_missing(run, tmp_path):
    with pytest.raises(SystemExit, match=r'train/image: no \.tif images'):
        run('whu2coco', tmp_path)
    write_tile(tmp_path, 'train', '0', np.ones((8, 8), bool))
    label = tmp_path / 'imgs/train/label/0.tif'
    cv2.imwrite(str(label), np.zeros((8, 9), np.uint8))
    with pytest.raises(SystemExit, match=r'label/0\.tif: its size differs'):
        run('whu2coco', tmp_path)
    label.unlink()
    with pytest.raises(SystemExit, match=r'label/0\.tif: the label of'):
        run('whu2coco', tmp_path)


def write_numbered(path: Path, count: int, digits: int) -> None:
    images = [
        dict(id=i, file_name=f'{i + 1:0{digits}d}.jpg') for i in range(count)
    ]
    annotations = [
        dict(id=2 * i + j, image_id=i) for i in range(count) for j in (0, 1)
    ]
    path.write_text(
        json.dumps(dict(images=images, annotations=annotations, categories=[]))
    )


@pytest.mark.parametrize(
    'name, digits, count, val',
    [('nwpu', 3, 650, 130), ('ssdd', 6, 1160, 232)],
)
def test_released_splits(name, digits, count, val, run, repo_root, tmp_path):
    """The lists have the lengths of RSPrompter's release."""
    whole = tmp_path / 'annotations.json'
    write_numbered(whole, count, digits)
    splits = repo_root / 'tools/dataset_converters/splits'
    run('split_coco', whole, splits / f'{name}_val.txt', '--prefix', 'x')
    parts = [
        json.loads((tmp_path / f'x_{part}.json').read_text())
        for part in ('train', 'val')
    ]
    ids = [{image['id'] for image in part['images']} for part in parts]
    assert [len(i) for i in ids] == [count - val, val]
    assert not ids[0] & ids[1]
    for part, image_ids in zip(parts, ids):
        assert len(part['annotations']) == 2 * len(image_ids)
        assert {a['image_id'] for a in part['annotations']} == image_ids


def test_split_list_of_another_data_set(run, tmp_path):
    whole, names = tmp_path / 'annotations.json', tmp_path / 'val.txt'
    write_numbered(whole, 5, 3)
    names.write_text('001\n999\n')
    with pytest.raises(SystemExit, match='1 of the 2 .* first: 999'):
        run('split_coco', whole, names)


def test_nwpu_split_holds_the_real_validation_images(shared_data, repo_root):
    """What is kept of the real data follows the same lists."""
    root = shared_data / 'nwpu_vhr10/annotations'
    splits = repo_root / 'tools/dataset_converters/splits'
    names = set((splits / 'nwpu_val.txt').read_text().split())
    for part, is_val in (('train', False), ('val', True)):
        coco = json.loads((root / f'instances_{part}.json').read_text())
        for image in coco['images']:
            assert (Path(image['file_name']).stem in names) == is_val
