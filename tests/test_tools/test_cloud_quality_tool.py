import csv

import numpy as np
import pytest
import torch

from mmrs.datasets import LevirCSDataset, SyntheticCloudNoise
from mmrs.errors import InputError

TOOL = 'tools/dataset_converters/cloud_quality.py'
CONFIG = """
default_scope = 'mmrs'
pipeline = [
    dict(type='LoadBands'),
    dict(type='LoadCloudMask'),
    dict(type='SyntheticCloudNoise', eta={eta}, kinds=['thin']),
    dict(type='BandJitter', prob=1),
]
train_dataloader = dict(
    dataset=dict(
        type='LevirCSDataset',
        data_root={root!r},
        split='trainval',
        may_lack=('snow',),
        pipeline=pipeline,
    )
)
"""


@pytest.fixture
def write_tiff():
    import rasterio

    def write(path, array):
        path.parent.mkdir(parents=True, exist_ok=True)
        size = dict(height=array.shape[1], width=array.shape[2])
        with rasterio.open(
            path, 'w', 'GTiff', count=len(array), dtype=array.dtype, **size
        ) as raster:
            raster.write(array)

    return write


@pytest.fixture
def scenes(tmp_path, write_tiff):
    """Six scenes; the edge of the cloud of scene k is k + 1 px wide."""
    rng = np.random.default_rng(0)
    for k in range(6):
        x = np.arange(40)
        ramp = np.clip((x - 20) / (4 * k + 1), 0, 1)
        image = 100 + 800 * np.tile(ramp, (4, 30, 1))
        image += rng.normal(0, 1, image.shape)
        label = np.tile((x > 20).astype(np.uint8), (1, 30, 1))
        root = tmp_path / 'train'
        write_tiff(root / f'mss/s{k}_mss.tiff', image.astype(np.uint16))
        write_tiff(root / f'label_0_1_2/s{k}_roiMap.tif', label)
    return tmp_path


@pytest.fixture
def config(tmp_path):
    def write(eta=0):
        path = tmp_path / 'config.py'
        path.write_text(CONFIG.format(eta=eta, root=str(tmp_path)))
        return path

    return write


def read(path):
    with path.open(newline='') as file:
        return {row['image']: row for row in csv.DictReader(file)}


def test_faint_edges_make_images_noisy(main_of, scenes, config, capsys):
    out = scenes / 'quality.csv'
    main_of(TOOL, config(), '--out', out, '--terms', 'thin')
    assert '3 of the 6 images are noisy' in capsys.readouterr().out
    rows = read(out)
    thin = [float(rows[f's{k}']['thin']) for k in range(6)]
    assert thin == sorted(thin)
    subsets = [rows[f's{k}']['subset'] for k in range(6)]
    assert subsets == ['clean'] * 3 + ['noisy'] * 3
    difficulty = [float(rows[f's{k}']['difficulty']) for k in range(6)]
    np.testing.assert_allclose(difficulty, np.linspace(0, 1, 6), atol=1e-4)
    data = LevirCSDataset(str(scenes), 'trainval', may_lack=['snow'])
    assert data.get_data_info(5)['subset'] == 'noisy'


@pytest.mark.parametrize(('quantile', 'noisy'), [(0, 6), (0.7, 2), (1, 0)])
def test_the_share_of_clean_images(main_of, scenes, config, quantile, noisy):
    out = scenes / 'q.csv'
    main_of(TOOL, config(), '--out', out, '--quantile', quantile)
    subsets = [row['subset'] for row in read(out).values()]
    assert subsets.count('noisy') == noisy


def test_lists_by_hand_win(main_of, scenes, config):
    (scenes / 'clean.txt').write_text('s5\n')
    (scenes / 'noisy.txt').write_text('s0.tif\n')
    out = scenes / 'q.csv'
    lists = '--clean', scenes / 'clean.txt', '--noisy', scenes / 'noisy.txt'
    main_of(TOOL, config(), '--out', out, '--terms', 'thin', *lists)
    rows = read(out)
    assert (rows['s5']['subset'], rows['s0']['subset']) == ('clean', 'noisy')
    (scenes / 'clean.txt').write_text('gone\n')
    with pytest.raises(InputError, match='first: gone'):
        main_of(TOOL, config(), '--out', out, *lists)


def test_injected_noise_as_the_subset(main_of, scenes, config):
    out = scenes / 'q.csv'
    main_of(TOOL, config(eta=0.5), '--out', out, '--injected')
    noise = SyntheticCloudNoise(['thin'], eta=0.5)
    rows = read(out)
    noisy = {name for name in rows if rows[name]['subset'] == 'noisy'}
    assert noisy == {name for name in rows if noise.is_noisy(name)}
    assert 0 < len(noisy) < 6


def test_predictions_of_a_network(main_of, scenes, config):
    label = np.tile((np.arange(40) > 20).astype(np.uint8), (30, 1))
    maps = []
    for k in range(6):
        predicted = label.copy()
        predicted[: 2 * k] = 0
        maps.append(
            dict(
                sample_id=f's{k}',
                subset='clean',
                predicted=torch.from_numpy(predicted),
                confidence=torch.full((30, 40), 255, dtype=torch.uint8),
            )
        )
    dump, out = scenes / 'train.pkl', scenes / 'q.csv'
    torch.save(maps, dump)
    words = config(), '--out', out, '--terms', 'model'
    main_of(TOOL, *words, '--predictions', dump)
    rows = read(out)
    # Of row count 30, 2 k miss the 19 columns of cloud.
    for k in range(6):
        cloud = (30 - 2 * k) / 30
        ground = 21 * 30 / (21 * 30 + 2 * k * 19)
        expected = 1 - (cloud + ground) / 2
        assert float(rows[f's{k}']['model']) == pytest.approx(
            expected, abs=1e-4
        )
    torch.save(maps[:5], dump)
    with pytest.raises(InputError, match='no class map of s5 of 40 x 30 px'):
        main_of(TOOL, *words, '--predictions', dump)
    with pytest.raises(InputError, match='needs --predictions'):
        main_of(TOOL, *words)


def test_a_config_without_the_loading_steps(main_of, scenes, config):
    path = config()
    path.write_text(path.read_text().replace('LoadCloudMask', 'Other'))
    with pytest.raises(InputError, match='must begin with LoadBands and'):
        main_of(TOOL, path, '--out', scenes / 'q.csv')
