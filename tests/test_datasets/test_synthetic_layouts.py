"""What the synthetic Earth writes goes through the readers of real data."""

import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmrs.registry import DATASETS
from mmrs.synthetic.layouts import write_dataset


@pytest.mark.parametrize('layout', ['nwpu', 'ssdd', 'whu'])
def test_readers_take_synthetic_data_as_the_configs_say(
    layout, tmp_path, repo_root
):
    write_dataset(layout, tmp_path / 'data', seed=0, num=9, size=128)
    base = repo_root / 'configs' / '_base_' / 'datasets'
    cfg = Config.fromfile(base / f'{layout}_instance.py')
    objects = 0
    with DefaultScope.overwrite_default_scope('mmrs'):
        for split in ('train', 'val', 'test'):
            dataset = cfg[f'{split}_dataloader'].dataset
            dataset.data_root = str(tmp_path / 'data')
            dataset.pipeline = [dict(type='LoadRSImage')]
            dataset = DATASETS.build(dataset)
            for item in dataset:
                assert item['img'].shape == (128, 128, 3)
                objects += len(item['instances'])
    assert objects > 0
