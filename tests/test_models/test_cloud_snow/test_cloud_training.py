"""The small networks learn, in a minute, from labels of which some are wrong.

Each is trained for 80 iterations on 32 synthetic scenes of which 40 % have
wrong labels, and must beat the best that one class for all pixels scores.
"""

import csv
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from mmrs.datasets.transforms import SyntheticCloudNoise
from mmrs.synthetic.layouts import write_dataset

CONFIGS = Path(__file__).parents[3] / 'configs' / 'cloud_snow'
NAME = 'segformer-mini_{}_1xb16-400i_synthetic-levir-cs-64x64.py'
ITERS = 150


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp('clouds') / 'data'
    write_dataset('levir-cs', root, seed=0, num=40, size=64, val_fraction=0.2)
    noise = SyntheticCloudNoise(eta=0.4, seed=0)
    with (root / 'quality_test.csv').open('w', newline='') as file:
        table = csv.writer(file)
        table.writerow(['image', 'subset', 'difficulty'])
        for path in sorted((root / 'train' / 'mss').iterdir()):
            name = path.stem.removesuffix('_mss')
            noisy = noise.is_noisy(name)
            table.writerow([name, 'noisy' if noisy else 'clean', 0.5])
    return root


def make_cfg(method, data, work_dir, seed):
    cfg = Config.fromfile(CONFIGS / NAME.format(method))
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = f'clouds_{method}_{seed}'
    cfg.randomness = dict(seed=seed)
    for split in ('train', 'val', 'test'):
        cfg[f'{split}_dataloader'].dataset.data_root = str(data)
    cfg.train_dataloader.batch_size = 8
    cfg.train_dataloader.dataset.quality_file = 'quality_test.csv'
    cfg.train_cfg.update(max_iters=ITERS, val_interval=10 * ITERS)
    cfg.default_hooks.checkpoint.interval = ITERS
    cfg.param_scheduler[0].end = cfg.param_scheduler[1].begin = 10
    cfg.param_scheduler[1].end = ITERS
    return cfg


@pytest.mark.slow
@pytest.mark.trains
@pytest.mark.parametrize('method', ['curriculum', 'adele'])
def test_training_beats_one_class_for_all(
    method, data, tmp_path, training_seed, clears
):
    cfg = make_cfg(method, data, tmp_path, training_seed)
    with DefaultScope.overwrite_default_scope('mmrs'):
        runner = Runner.from_cfg(cfg)
        runner.train()
        scores = runner.test()

        cfg.load_from = str(tmp_path / f'iter_{ITERS}.pth')
        cfg.experiment_name += '_loaded'
        loaded = Runner.from_cfg(cfg).test()
    assert loaded == pytest.approx(scores, rel=0, abs=0, nan_ok=True)
    # One class for all pixels scores at most a third of 100.
    clears('mIoU, %', scores['all/mIoU'], above=40)
