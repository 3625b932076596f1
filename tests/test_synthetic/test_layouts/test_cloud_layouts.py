"""Clouds and snow in the layouts of LEVIR_CS and 38-Cloud."""

import csv
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image

from mmrs.synthetic.layouts import write_dataset
from mmrs.synthetic.layouts.cloud_scenes import Quality, write_quality


def read(path: Path) -> np.ndarray:
    with rasterio.open(path) as file:
        return file.read()


@pytest.fixture(scope='module')
def levir_cs(tmp_path_factory) -> Path:
    """20 images of the LEVIR_CS layout."""
    out = tmp_path_factory.mktemp('levir_cs')
    write_dataset('levir-cs', out, seed=0, num=20, size=64)
    return out


@pytest.fixture(scope='module')
def cloud38(tmp_path_factory) -> Path:
    """Five scenes of the 38-Cloud layout."""
    out = tmp_path_factory.mktemp('cloud38')
    write_dataset('38-cloud', out, seed=0, num=18, size=64)
    return out


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_levir_cs_lists_name_images_heights_and_labels(levir_cs):
    train, test = (
        [x.split() for x in (levir_cs / f'{s}.txt').read_text().splitlines()]
        for s in ('train', 'test')
    )
    assert (len(train), len(test)) == (16, 4)
    assert {len(x) for x in train} == {3} and {len(x) for x in test} == {2}
    for line in test:
        label = line[0].replace('/mss/', '/label/')
        line.append(label.replace('_mss.tiff', '_roiMap.tif'))
    values = {'train': set(), 'test': set()}
    for split, lines in (('train', train), ('test', test)):
        for mss, dem, label in lines:
            image = read(levir_cs / mss)
            assert image.shape == (4, 64, 64) and image.dtype == np.uint16
            assert 0 < image.max() <= 1023
            assert read(levir_cs / dem).dtype == np.int16
            truth = read(levir_cs / label)
            assert truth.shape == (1, 64, 64) and truth.dtype == np.uint8
            values[split] |= set(np.unique(truth))
    assert values == {'train': {0, 1, 2}, 'test': {0, 128, 255}}


def test_levir_cs_shows_clouds_snow_both_and_neither(levir_cs):
    shown = set()
    for path in (levir_cs / 'train' / 'label_0_1_2').iterdir():
        found = set(np.unique(read(path)))
        shown.add((1 in found, 2 in found))
    assert shown == {(a, b) for a in (False, True) for b in (False, True)}


def test_quality_names_every_image_and_halves_them(levir_cs):
    table = rows(levir_cs / 'quality.csv')
    names = {x.name.removesuffix('_mss.tiff')
             for x in levir_cs.glob('*/mss/*')}  # fmt: skip
    assert {x['image'] for x in table} == names
    clean = [float(x['difficulty']) for x in table if x['subset'] == 'clean']
    noisy = [float(x['difficulty']) for x in table if x['subset'] == 'noisy']
    assert len(clean) >= len(noisy) > 0
    assert max(clean) < min(noisy)
    for row in table:
        for term in ('difficulty', 'thin', 'bright', 'mixed'):
            assert 0 <= float(row[term]) <= 1


def test_quality_by_hand(tmp_path):
    label = np.array([[0, 0, 0, 1], [1, 1, 2, 2]])
    thickness = np.array([[0, 0.1, 0, 0.5], [2, 3, 0, 0]])
    ground = np.array([[0.1, 0.5, 0.1, 0.1], [0.1, 0.1, 0.9, 0.9]])
    hard = Quality.judge(label, thickness, ground)
    # One of three cloud pixels is thin, one of three others bright, and
    # three fifths of the white is cloud.
    assert hard == pytest.approx(Quality(1 / 3, 1 / 3, 0.96))
    easy = Quality(0.0, 0.0, 0.0)
    some = Quality(1.0, 0.0, 0.5)
    write_quality(tmp_path / 'q.csv', dict(a=hard, b=easy, c=some))
    table = rows(tmp_path / 'q.csv')
    # Ranks of a: 1, 2, 2 of 2; of b: none; of c: 2, 0, 1.
    assert [x['difficulty'] for x in table] == ['0.8333', '0.0000', '0.5000']
    assert [x['subset'] for x in table] == ['noisy', 'clean', 'clean']


def test_38_cloud_patches_make_up_scenes(cloud38):
    for split, prefix, scenes in (
        ('training', 'train', 4),
        ('test', 'test', 1),
    ):
        root = cloud38 / f'38-Cloud_{split}'
        table = rows(root / f'{split}_patches_38-Cloud.csv')
        assert len(table) == 4 * scenes
        ids = rows(root / f'{split}_sceneids_38-Cloud.csv')
        for scene in (x['sceneid'] for x in ids):
            path = f'Entire_scene_gts/edited_corrected_gts_{scene}.TIF'
            truth = Image.open(root / path)
            assert truth.mode == '1' and truth.size == (112, 112)
            whole = {x: np.zeros((128, 128), int) for x in ('nir', 'gt')}
            for n in range(4):
                row, col = divmod(n, 2)
                name = f'patch_{n + 1}_{row + 1}_by_{col + 1}_{scene}'
                assert {'name': name} in table
                at = np.s_[64 * row : 64 * row + 64, 64 * col : 64 * col + 64]
                for kind in whole:
                    path = root / f'{prefix}_{kind}' / f'{kind}_{name}.TIF'
                    assert path.exists() == (kind == 'nir' or split != 'test')
                    if path.exists():
                        whole[kind][at] = np.array(Image.open(path))
            inner = np.s_[8:-8, 8:-8]
            assert (whole['nir'][inner] >= 5000).all()  # reflectance 0
            whole['nir'][inner] = 0
            assert not whole['nir'].any()  # the black margin
            if split == 'training':
                np.testing.assert_array_equal(
                    whole['gt'][inner], 255 * np.array(truth, int)
                )


def test_sheet_shows_colours_and_labels(
    levir_cs, tmp_path, repo_root, monkeypatch
):
    tool = str(repo_root / 'tools/misc/make_cloud_sheet.py')
    out = tmp_path / 'sheet.png'
    monkeypatch.setattr(
        sys, 'argv', [tool, str(levir_cs), str(out), '--num', '2']
    )
    runpy.run_path(tool, run_name='__main__')
    sheet = np.array(Image.open(out))
    assert sheet.shape == (136, 2 * 400, 3)
    label = next(levir_cs.glob('train/label_0_1_2/*_000000_roiMap.tif'))
    share = (read(label) == 2).mean()
    blue = (sheet[4:132, 268:396] == (90, 160, 255)).all(-1).mean()
    assert blue == pytest.approx(share, abs=0.02)

    monkeypatch.setattr(sys, 'argv', [tool, str(tmp_path), str(out)])
    with pytest.raises(SystemExit, match='mss has no images'):
        runpy.run_path(tool, run_name='__main__')
