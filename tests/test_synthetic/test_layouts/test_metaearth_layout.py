"""Tiles of one place at three resolutions."""

import json

import cv2
import numpy as np
import pytest

from mmrs.synthetic.layouts import metaearth
from mmrs.synthetic.layouts.metaearth import BLOCK_IMAGES, Block, render
from mmrs.synthetic.world import World

SIZE = 16


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    out = tmp_path_factory.mktemp('earth')
    numbers = range(BLOCK_IMAGES + 1)
    paths = list(metaearth.write(out, 0, numbers, SIZE, None, 0.2))
    return out, paths


def read(path):
    return cv2.imread(str(path))[..., ::-1]


def test_a_block_has_images_of_all_resolutions(written):
    out, paths = written
    counts = [len(list((out / 'train' / r).iterdir())) for r in ('r64', 'r16')]
    assert counts == [1, 16]
    assert len(list((out / 'train/r4').iterdir())) == 64 + 1
    assert paths[-1] == out / 'train/index.jsonl'
    assert all(read(path).shape == (SIZE, SIZE, 3) for path in paths[:-1])


def test_index_tells_where_each_image_is(written):
    out, paths = written
    lines = (out / 'train/index.jsonl').read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    assert len(entries) == len(paths) - 1
    assert set(entries[0]) == {
        'file', 'res', 'lat', 'lon', 'epsg', 'source', 'license',
    }  # fmt: skip
    assert {e['res'] for e in entries} == {64.0, 16.0, 4.0}
    coarse = next(e for e in entries if e['res'] == 64)
    middle = [e for e in entries if e['res'] == 16]
    for axis in ('lat', 'lon'):
        mean = np.mean([e[axis] for e in middle])
        assert mean == pytest.approx(coarse[axis])


def test_coarse_images_are_means_of_finer_ones(written):
    out, _ = written
    (coarse,) = (read(p) for p in (out / 'train/r64').iterdir())
    parts = [read(p) for p in sorted((out / 'train/r16').iterdir())]
    rows = [np.hstack(parts[i : i + 4]) for i in range(0, 16, 4)]
    mean = np.vstack(rows).reshape(SIZE, 4, SIZE, 4, 3).mean((1, 3))
    assert np.abs(mean - coarse).max() <= 1  # two roundings


def test_fine_images_are_parts_of_the_world(written):
    out, _ = written
    block = Block(World(0), 0, SIZE, 4.0, 'train')
    for i in (0, 3, 77):
        resolution, image, window = block.image(i)
        assert resolution == 4
        alone = render(block.world, window, block.look)
        np.testing.assert_array_equal(image, alone)
        stored = read(out / f'train/r4/{i:06d}.png')
        np.testing.assert_array_equal(image, stored)


def test_splits_are_far_apart():
    world = World(0)
    splits = ('train', 'val', 'test')
    places = {
        split: [Block(world, i, 64, 4.0, split).window for i in range(20)]
        for split in splits
    }
    east = {s: max(w.bounds[2] for w in places[s]) for s in splits}
    west = {s: min(w.bounds[0] for w in places[s]) for s in splits}
    assert east['train'] < west['val'] and east['val'] < west['test']


def test_large_windows_are_rendered_in_pieces(monkeypatch):
    block = Block(World(0), 1, SIZE, 4.0, 'train')
    window = block.window
    monkeypatch.setattr(metaearth, 'LARGEST', 96)
    pieces = render(block.world, window, block.look)
    monkeypatch.setattr(metaearth, 'LARGEST', 1024)
    whole = render(block.world, window, block.look)
    assert pieces.shape == (256, 256, 3)
    difference = np.abs(pieces.astype(int) - whole)
    # A few pixels on outlines are rounded otherwise.
    assert (difference > 1).mean() < 0.002
