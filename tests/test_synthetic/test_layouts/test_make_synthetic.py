"""The data sets that ``tools/misc/make_synthetic.py`` writes."""

import hashlib
import json
import runpy
import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from mmrs.datasets import NWPUInsSegDataset
from mmrs.errors import InputError
from mmrs.synthetic.layouts import WRITERS, nwpu, write_dataset
from mmrs.synthetic.layouts.scene_cls import CLASSES as SCENE_CLASSES


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(
            path.read_bytes()
        ).hexdigest()
        for path in sorted(folder.rglob('*'))
        if path.is_file()
    }


def images_of(files: dict[str, str]) -> dict[str, str]:
    ends = ('.jpg', '.tif', '.png')
    return {k: v for k, v in files.items() if k.lower().endswith(ends)}


@pytest.fixture(scope='module')
def nwpu_set(tmp_path_factory) -> Path:
    """60 images of the NWPU layout."""
    out = tmp_path_factory.mktemp('nwpu')
    write_dataset('nwpu', out, seed=3, num=60, size=256)
    return out


@pytest.mark.parametrize('layout', WRITERS)
def test_same_bytes_twice_and_for_more_images(tmp_path, layout):
    for name, num in (('a', 4), ('b', 4), ('more', 6)):
        write_dataset(layout, tmp_path / name, seed=1, num=num, size=96)
    first, again, more = (digests(tmp_path / x) for x in ('a', 'b', 'more'))
    assert first == again
    assert images_of(first).items() <= images_of(more).items()
    assert len(images_of(first)) < len(images_of(more))


def test_seeds_differ(tmp_path):
    for seed in (1, 2):
        write_dataset('nwpu', tmp_path / str(seed), seed=seed, num=2, size=96)
    one, two = (digests(tmp_path / x) for x in '12')
    assert one['imgs/001.jpg'] != two['imgs/001.jpg']


def test_nwpu_layout(nwpu_set):
    assert nwpu.CLASSES == NWPUInsSegDataset.METAINFO['classes']
    numbers = set()
    for split, count in (('train', 48), ('val', 12)):
        path = nwpu_set / 'annotations' / f'NWPU_instances_{split}.json'
        content = json.loads(path.read_text())
        assert {'info', 'licenses'} <= set(content)
        assert [(c['id'], c['name']) for c in content['categories']] == list(
            enumerate(nwpu.CLASSES, 1)
        )
        assert len(content['images']) == count
        for image in content['images']:
            assert image['file_name'] == f'{image["id"] + 1:03d}.jpg'
            numbers.add(image['id'])
            picture = cv2.imread(str(nwpu_set / 'imgs' / image['file_name']))
            assert picture.shape == (image['height'], image['width'], 3)
            assert picture.shape == (256, 256, 3)
            assert picture.std() > 5
    assert numbers == set(range(60))


def test_nwpu_instances(nwpu_set):
    seen = Counter()
    for split in ('train', 'val'):
        path = nwpu_set / 'annotations' / f'NWPU_instances_{split}.json'
        coco = COCO(str(path))
        for image_id in coco.getImgIds():
            annotations = coco.imgToAnns[image_id]
            assert nwpu.FEWEST <= len(annotations) <= nwpu.MOST
            for annotation in annotations:
                mask = coco.annToMask(annotation).astype(bool)
                rows, cols = np.nonzero(mask)
                x, y, w, h = annotation['bbox']
                assert annotation['area'] == mask.sum() > 0
                assert (x, y) == (cols.min(), rows.min())
                assert (w, h) == (np.ptp(cols) + 1, np.ptp(rows) + 1)
                seen[annotation['category_id']] += 1
    assert set(seen) == set(range(1, 11))
    assert min(seen.values()) >= 3


def test_ssdd_layout(tmp_path):
    write_dataset('ssdd', tmp_path, seed=0, num=5, size=128)
    content = json.loads(
        (tmp_path / 'annotations/SSDD_instances_train.json').read_text()
    )
    assert [c['name'] for c in content['categories']] == ['ship']
    assert [i['file_name'] for i in content['images']] == [
        f'{k:06d}.jpg' for k in range(1, 5)
    ]
    assert content['annotations']
    image = cv2.imread(str(tmp_path / 'imgs' / '000005.jpg'))
    assert image.shape == (128, 128, 3)
    np.testing.assert_array_equal(image[..., 0], image[..., 2])


def test_whu_labels_are_bits_and_match_the_annotations(tmp_path, repo_root):
    write_dataset('whu', tmp_path, seed=0, num=6, size=128)
    converter = runpy.run_path(
        str(repo_root / 'tools/dataset_converters/whu2coco.py')
    )
    for split, first in (('train', '0'), ('val', 'val_0'), ('test', 'test_0')):
        folder = tmp_path / 'imgs' / split
        label = Image.open(folder / 'label' / f'{first}.tif')
        assert label.mode == '1'
        image = cv2.imread(str(folder / 'image' / f'{first}.tif'))
        assert image.shape == (*np.shape(label), 3)
        path = tmp_path / 'annotations' / f'WHU_building_{split}.json'
        ours = COCO(str(path)).dataset
        theirs = converter['convert'](folder)
        assert ours['images'] == theirs['images']
        assert ours['categories'] == theirs['categories']
        assert ours['annotations'] == theirs['annotations']
        assert all(a['area'] > 0 for a in ours['annotations'])


def test_scene_classification_layout(tmp_path):
    num = 2 * len(SCENE_CLASSES)
    write_dataset(
        'scene-cls', tmp_path, seed=0, num=num, size=96, val_fraction=0.5
    )
    names = (tmp_path / 'cls_names.txt').read_text().split('\n')
    assert names == list(SCENE_CLASSES)
    assert len(names) >= 12
    train, val = (
        (tmp_path / f'{x}.txt').read_text().split('\n')
        for x in ('train', 'val')
    )
    assert train == [f'{name}/{name}_001.jpg' for name in names]
    assert val == [f'{name}/{name}_002.jpg' for name in names]
    for name in train + val:
        assert cv2.imread(str(tmp_path / name)).shape == (96, 96, 3)
    # The classes look different: mean colours tell some of them apart.
    sea, field = (
        cv2.imread(str(tmp_path / f'{x}/{x}_001.jpg')).mean((0, 1))
        for x in ('sea', 'farmland')
    )
    assert sea[0] > sea[2] and field[0] < field[2]


def run_tool(repo_root: Path, monkeypatch, *arguments: str) -> None:
    tool = str(repo_root / 'tools/misc/make_synthetic.py')
    monkeypatch.setattr(sys, 'argv', [tool, *arguments])
    runpy.run_path(tool, run_name='__main__')


def test_tool_offers_every_layout(repo_root):
    tool = runpy.run_path(str(repo_root / 'tools/misc/make_synthetic.py'))
    assert set(tool['LAYOUTS']) == set(WRITERS)


def test_tool_replaces_its_own_and_refuses_other_folders(
    tmp_path, repo_root, monkeypatch
):
    out = tmp_path / 'set'
    options = ['--out', str(out), '--size', '64', '--seed', '4']
    for layout, num in (('ssdd', '3'), ('nwpu', '2')):
        choice = ['--layout', layout, '--num', num]
        run_tool(repo_root, monkeypatch, *choice, *options)
    names = {path.name for path in (out / 'imgs').iterdir()}
    assert names == {'001.jpg', '002.jpg'}
    (tmp_path / 'mine.txt').write_text('keep me')
    with pytest.raises(SystemExit) as error:
        run_tool(
            repo_root, monkeypatch, '--layout', 'nwpu', '--out', str(tmp_path)
        )
    assert str(error.value).startswith(
        f'error: {tmp_path} is not empty and was not written by this tool'
    )
    assert (tmp_path / 'mine.txt').read_text() == 'keep me'


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(num=0), '--num 0'),
        (dict(size=32), '--size 32'),
        (dict(gsd=0.0), '--gsd 0.0'),
        (dict(val_fraction=1.0), '--val-fraction 1.0'),
    ],
)
def test_numbers_without_sense(tmp_path, change, message):
    settings = dict(layout='nwpu', out=tmp_path, seed=0, num=1, size=64)
    with pytest.raises(InputError, match=message):
        write_dataset(**(settings | change))
    assert not any(tmp_path.iterdir())


def test_out_is_a_file(tmp_path):
    path = tmp_path / 'file'
    path.write_text('')
    with pytest.raises(InputError, match='is a file'):
        write_dataset('nwpu', path, seed=0, num=1, size=64)
