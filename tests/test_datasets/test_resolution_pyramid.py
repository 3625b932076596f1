import json
from collections import Counter

import cv2
import numpy as np
import pytest
from mmengine.dataset import ConcatDataset

from mmrs.datasets import ResolutionPyramidDataset
from mmrs.datasets.samplers import UniformResolutionSampler
from mmrs.errors import InputError

COUNTS = dict(r64=1, r16=2, r4=5)


def write_image(path, side=16, value=100):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((side, side, 3), value, np.uint8))


@pytest.fixture
def root(tmp_path):
    """The layout of one folder a resolution, without an index."""
    for split in ('train', 'val'):
        for folder, count in COUNTS.items():
            for i in range(count):
                write_image(tmp_path / split / folder / f'{i}.png')
    return tmp_path


def infos(dataset):
    return [dataset.get_data_info(i) for i in range(len(dataset))]


def test_folders_tell_the_resolution(root):
    dataset = ResolutionPyramidDataset(str(root), split='train')
    assert Counter(dataset.sample_resolutions) == {64: 1, 16: 2, 4: 5}
    assert dataset.metainfo['resolutions'] == (64, 16, 4)
    first = infos(dataset)[0]
    assert first['sample_id'] == 'r64/0'
    assert first['img_path'] == str(root / 'train/r64/0.png')
    assert first['reduce'] == 1


def test_index_tells_resolution_and_place(root):
    lines = [
        dict(file='r4/0.png', res=4.2, lat=47.0, lon=8.5, license='CC0'),
        dict(file='r64/0.png', res=64),
    ]
    text = '\n'.join(json.dumps(line) for line in lines)
    (root / 'val/index.jsonl').write_text(text)
    coarse, fine = infos(ResolutionPyramidDataset(str(root), split='val'))
    assert fine['resolution'] == 4.2 and fine['lat'] == 47.0
    assert coarse['resolution'] == 64 and 'lat' not in coarse


@pytest.mark.parametrize(
    ('line', 'message'),
    [
        ('{"file": "r4/0.png"}', 'line 2 must be JSON .*KeyError'),
        ('r4/0.png 4', 'line 2 must be JSON'),
        ('{"file": "r4/9.png", "res": 4}', 'line 2 names r4/9.png, which is'),
    ],
)
def test_wrong_index_is_named(root, line, message):
    good = '{"file": "r4/1.png", "res": 4}'
    (root / 'val/index.jsonl').write_text(f'{good}\n{line}\n')
    with pytest.raises(InputError, match=rf'index.jsonl: {message}'):
        ResolutionPyramidDataset(str(root), split='val')


def test_choice_of_resolutions(root):
    dataset = ResolutionPyramidDataset(
        str(root), split='train', resolutions=(4, 16), max_per_resolution=2
    )
    names = [info['sample_id'] for info in infos(dataset)]
    assert names == ['r4/0', 'r4/2', 'r16/0', 'r16/1']
    with pytest.raises(InputError, match='no images of 8 m .*but of 64, 16'):
        ResolutionPyramidDataset(str(root), split='train', resolutions=[8])


def test_plain_folder_makes_a_pyramid_of_each_image(tmp_path):
    write_image(tmp_path / 'a/1.png')
    write_image(tmp_path / 'b/2.jpg')
    dataset = ResolutionPyramidDataset(
        str(tmp_path), gsd=0.5, levels=(1, 4, 16)
    )
    assert Counter(dataset.sample_resolutions) == {0.5: 2, 2: 2, 8: 2}
    names = [info['sample_id'] for info in infos(dataset)]
    assert names == ['a/1@16', 'b/2@16', 'a/1@4', 'b/2@4', 'a/1', 'b/2']
    assert infos(dataset)[0]['reduce'] == 16


def test_list_of_images(tmp_path):
    for name in ('1.png', '2.png', '3.png'):
        write_image(tmp_path / name)
    (tmp_path / 'train.txt').write_text('3.png\n1.png\n')
    arguments = dict(gsd=1, ann_file='train.txt')
    dataset = ResolutionPyramidDataset(str(tmp_path), **arguments)
    assert [info['sample_id'] for info in infos(dataset)] == ['3', '1']
    (tmp_path / '3.png').unlink()
    with pytest.raises(InputError, match='train.txt: 1 of its 2 .*3.png'):
        ResolutionPyramidDataset(str(tmp_path), **arguments)


def write_geotiff(path, crs, pixel):
    rasterio = pytest.importorskip('rasterio')
    with rasterio.open(
        path,
        'w',
        driver='GTiff',
        width=8,
        height=8,
        count=3,
        dtype='uint8',
        crs=crs,
        transform=rasterio.Affine(pixel, 0, 5e5, 0, -pixel, 5e6),
    ) as raster:
        raster.write(np.zeros((3, 8, 8), np.uint8))


def test_geotiff_tells_its_resolution(tmp_path):
    write_geotiff(tmp_path / 'a.tif', 'EPSG:32632', 10)
    (info,) = infos(ResolutionPyramidDataset(str(tmp_path)))
    assert info['resolution'] == 10


def test_unknown_resolution_is_asked_for(tmp_path):
    write_image(tmp_path / 'a.png')
    with pytest.raises(InputError, match='a.png: has no place .*set gsd'):
        ResolutionPyramidDataset(str(tmp_path))
    (tmp_path / 'a.png').unlink()
    write_geotiff(tmp_path / 'b.tif', 'EPSG:4326', 1e-4)
    with pytest.raises(
        InputError, match='b.tif: .*no.* place on Earth.*set gsd'
    ):
        ResolutionPyramidDataset(str(tmp_path))


def test_wrong_arguments(root, tmp_path_factory):
    empty = tmp_path_factory.mktemp('empty')
    for arguments, message in (
        (dict(split='test'), 'test: no such folder'),
        (dict(levels=()), r'levels=\(\)'),
        (dict(levels=(0.5,)), 'factors of reduction'),
        (dict(gsd=0), 'gsd=0 of the data set must be above 0'),
        (dict(split='train', gsd=4), 'needs neither gsd nor ann_file'),
    ):
        with pytest.raises(InputError, match=message):
            ResolutionPyramidDataset(str(root), **arguments)
    with pytest.raises(InputError, match='holds no images'):
        ResolutionPyramidDataset(str(empty), gsd=1)
    with pytest.raises(InputError, match='neither index.jsonl nor folders'):
        ResolutionPyramidDataset(str(empty.parent), split=empty.name)


def test_sampler_draws_resolutions_equally(root):
    dataset = ResolutionPyramidDataset(str(root), split='train')
    sampler = UniformResolutionSampler(dataset, seed=3)
    drawn = list(sampler)
    assert len(drawn) == len(sampler) == 15
    resolutions = dataset.sample_resolutions[drawn]
    assert Counter(resolutions) == {64: 5, 16: 5, 4: 5}
    for i in range(0, 15, 3):
        assert set(resolutions[i : i + 3]) == {64, 16, 4}
    # Each fine image once.
    assert sorted(i for i in drawn if resolutions[drawn.index(i)] == 4) == [
        3, 4, 5, 6, 7,
    ]  # fmt: skip
    assert list(sampler) == drawn
    sampler.set_epoch(1)
    assert list(sampler) != drawn


def test_processes_share_the_order(root, monkeypatch):
    dataset = ResolutionPyramidDataset(str(root), split='train')
    whole = list(UniformResolutionSampler(dataset, seed=3))
    parts = []
    for rank in (0, 1):
        monkeypatch.setattr(
            'mmrs.datasets.samplers.resolution.get_dist_info',
            lambda rank=rank: (rank, 2),
        )
        parts.append(list(UniformResolutionSampler(dataset, seed=3)))
    assert parts[0] == whole[::2]
    assert parts[1] == [*whole[1::2], whole[0]]  # the last one is filled up


def test_sampler_knows_joined_data_sets(root):
    parts = [
        ResolutionPyramidDataset(str(root / 'train/r4'), gsd=gsd)
        for gsd in (4, 8)
    ]
    joined = ConcatDataset(parts, ignore_keys=['resolutions'])
    sampler = UniformResolutionSampler(joined, seed=0)
    assert sorted(sampler) == list(range(10))
    assert [len(group) for group in sampler.groups] == [5, 5]


def test_folder_of_images_apart_from_the_list(tmp_path):
    write_image(tmp_path / 'images/a/1.png')
    write_image(tmp_path / 'images/a/2.png')
    (tmp_path / 'list.txt').write_text('a/2.png\n')
    dataset = ResolutionPyramidDataset(
        str(tmp_path),
        gsd=1,
        ann_file='list.txt',
        data_prefix=dict(img_path='images'),
    )
    (info,) = infos(dataset)
    assert info['sample_id'] == 'a/2'
