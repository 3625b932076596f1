"""The tools that make data for MetaEarth, and that look at what it learnt."""

import json
from collections import Counter

import cv2
import numpy as np
import pytest
from metaearth_toys import toy_pipeline

from mmrs.datasets import ResolutionPyramidDataset

CUT = 'tools/dataset_converters/cut_pyramid_tiles.py'


def picture(height, width, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(1, 256, (height, width, 3), np.uint8)


def cut(main_of, src, out, *options):
    main_of(CUT, src, '--out', out, '--size', 16, *options)


def test_images_without_a_place_are_cut(main_of, tmp_path, capsys):
    src, out = tmp_path / 'src', tmp_path / 'out'
    src.mkdir()
    image = picture(70, 64)
    cv2.imwrite(str(src / 'a.png'), image)
    cut(main_of, src, out, '--gsd', 2, '--levels', 1, 4, '--split', 'train=1')
    assert capsys.readouterr().out.splitlines()[-2:] == [
        'train: 16 tiles of 2 m',
        'train: 1 tiles of 8 m',
    ]
    dataset = ResolutionPyramidDataset(str(out), split='train')
    assert Counter(dataset.sample_resolutions) == {2: 16, 8: 1}
    fine = cv2.imread(str(out / 'train/r2/a_16_32.png'))
    np.testing.assert_array_equal(fine, image[16:32, 32:48])
    coarse = cv2.imread(str(out / 'train/r8/a_0_0.png')).astype(float)
    means = image[:64].reshape(16, 4, 16, 4, 3).mean((1, 3))
    assert np.abs(coarse - means).max() <= 0.5


def test_an_image_is_of_one_split(main_of, tmp_path):
    src, out = tmp_path / 'src', tmp_path / 'out'
    src.mkdir()
    for i in range(12):
        cv2.imwrite(str(src / f'{i}.png'), picture(32, 32, i))
    options = ['--gsd', 1, '--levels', 1, '--split', 'train=0.5', 'val=0.5']
    cut(main_of, src, out, *options)
    names = {
        split: {path.stem.split('_')[0] for path in out.glob(f'{split}/r1/*')}
        for split in ('train', 'val')
    }
    assert names['train'] and names['val']
    assert not names['train'] & names['val']
    assert len(names['train'] | names['val']) == 12


@pytest.fixture
def geotiffs(tmp_path):
    """Two scenes two degrees apart; one lacks a corner."""
    rasterio = pytest.importorskip('rasterio')
    folder = tmp_path / 'geotiffs'
    folder.mkdir()
    for name, east in (('a', 500_000), ('b', 650_000)):
        image = picture(32, 32)
        if name == 'b':
            image[:4, :4] = 0
        with rasterio.open(
            folder / f'{name}.tif',
            'w',
            driver='GTiff',
            width=32,
            height=32,
            count=3,
            dtype='uint8',
            crs='EPSG:32632',
            transform=rasterio.Affine(10, 0, east, 0, -10, 5_300_000),
            nodata=0,
        ) as raster:
            raster.write(image.transpose(2, 0, 1))
    return folder


def test_geotiffs_tell_size_and_place(main_of, geotiffs, tmp_path):
    out = tmp_path / 'out'
    cut(main_of, geotiffs, out, '--levels', 1, 2, '--split', 'all=1')
    lines = (out / 'all/index.jsonl').read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    files = {entry['file'] for entry in entries}
    assert len([f for f in files if f.startswith('r10/a')]) == 4
    # No tile with the missing corner, at either level.
    assert sorted(f for f in files if '/b' in f) == [
        'r10/b_0_16.png', 'r10/b_16_0.png', 'r10/b_16_16.png',
    ]  # fmt: skip
    west = next(e for e in entries if '/a' in e['file'])
    assert west['epsg'] == 32632
    assert west['lon'] == pytest.approx(9, abs=0.01)
    assert west['lat'] == pytest.approx(47.85, abs=0.01)


def test_squares_of_a_degree_are_of_one_split(main_of, geotiffs, tmp_path):
    found = set()
    for seed in range(6):
        out = tmp_path / str(seed)
        options = ['--levels', 1, '--seed', seed]
        cut(main_of, geotiffs, out, *options, '--split', 'x=0.5', 'y=0.5')
        of_a = {p.parts[-3] for p in out.glob('*/r10/a_*')}
        of_b = {p.parts[-3] for p in out.glob('*/r10/b_*')}
        assert len(of_a) == len(of_b) == 1
        found.add((*of_a, *of_b))
    assert len(found) > 1


def test_wrong_use_of_the_cutter(main_of, tmp_path):
    src, out = tmp_path / 'src', tmp_path / 'out'
    src.mkdir()
    cv2.imwrite(str(src / 'a.png'), picture(16, 16))
    options = ['--gsd', 1, '--levels', 1]
    for split, message in (
        (['train'], 'give NAME=SHARE'),
        (['train=0.5'], 'must sum to 1'),
    ):
        with pytest.raises(ValueError, match=message):
            cut(main_of, src, out, *options, '--split', *split)
    cut(main_of, src, out, *options, '--split', 'train=1')
    with pytest.raises(ValueError, match='a_0_0.png exists already'):
        cut(main_of, src, out, *options, '--split', 'train=1')


@pytest.mark.parametrize('transform', ['linear', 'none'])
def test_effect_of_the_resolution(main_of, tmp_path, capsys, transform):
    toy_pipeline(transform).save_pretrained(tmp_path / 'model')
    cv2.imwrite(str(tmp_path / 'tile.png'), picture(32, 32))
    main_of(
        'tools/metaearth/label_effect.py',
        *(tmp_path / 'tile.png', '--reduce', '--model', tmp_path / 'model'),
        *('--device', 'cpu', '--steps', '2', '--resolutions', '4', '64'),
    )
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert figures['images'] == 1
    assert figures['difference_of_seeds'] > 1
    heeds = transform == 'linear'
    assert (figures['difference'] > 0) == heeds
    assert (figures['lpips_substitute'] > 1e-6) == heeds
    assert (figures['gradient_ratio'] != 1) == heeds
