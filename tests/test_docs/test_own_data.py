"""Follows docs/own_data.md up to the first sample."""

import re
import runpy
import shutil
from pathlib import Path

import numpy as np
import pages
import pytest
import tifffile
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmrs.registry import DATASETS, MODELS

PAGE = pages.ROOT / 'docs' / 'own_data.md'


@pytest.fixture
def configs(tmp_path, monkeypatch) -> list[str]:
    """The two configs of the page, among those they inherit, and its data."""
    shutil.copytree(pages.ROOT / 'configs', tmp_path / 'configs')
    for name, text in pages.named_files(PAGE).items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (tmp_path / 'data/roofs/images').mkdir()
    monkeypatch.chdir(tmp_path)
    return [name for name in pages.named_files(PAGE) if '.py' in name]


def first_sample(config: str):
    cfg = Config.fromfile(config)
    init_default_scope(cfg.default_scope)
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    return cfg, dataset[0]['data_samples']


def test_config_reads_the_data(configs):
    image = np.zeros((48, 64, 3), np.uint8)
    tifffile.imwrite('data/roofs/images/a.tif', image, photometric='rgb')
    cfg, sample = first_sample(configs[0])
    assert cfg.model.roi_head.bbox_head.num_classes == 2
    assert cfg.test_dataloader.dataset.ann_file == 'annotations/val.json'
    assert cfg.test_evaluator.ann_file == 'data/roofs/annotations/val.json'
    assert sample.gt_instances.labels.tolist() == [0]


def test_config_reads_16_bits_and_four_bands(configs):
    pytest.importorskip('rasterio')
    image = np.full((48, 64, 4), 3000, np.uint16)
    tifffile.imwrite('data/roofs/images/a.tif', image, photometric='rgb')
    with pytest.raises(ValueError, match='LoadRSImage'):
        first_sample(configs[0])
    cfg, sample = first_sample(configs[1])
    assert sample.gt_instances.labels.tolist() == [0]
    for split in ('train', 'val', 'test'):
        load = cfg[f'{split}_dataloader'].dataset.pipeline[0]
        assert (load.bands, load.stretch) == ((2, 1, 0), (0, 3000))


def test_scene_classification_follows(configs, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    for name in ('maize', 'rice', 'wheat'):
        Path(f'data/crops/{name}').mkdir(parents=True)
        for i in range(5):
            image = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
            path = f'data/crops/{name}/{i:04d}.tif'
            tifffile.imwrite(path, image, photometric='rgb')
    for words in pages.commands(PAGE):
        if 'data/crops' in words:
            monkeypatch.setattr('sys.argv', words[1:])
            runpy.run_path(str(pages.ROOT / words[1]), run_name='__main__')
    said = capsys.readouterr().out
    assert 'train.txt: 12 lines' in said
    assert '12 images\nmean: [' in said
    cfg, sample = first_sample(configs[2])
    assert sample.gt_label.tolist() == [0]
    assert 'data/crops/maize/' in sample.img_path
    settings = dict(cfg.model, data_preprocessor=cfg.data_preprocessor)
    with torch.device('meta'):
        model = MODELS.build(settings)
    assert model.head.num_classes == 3
    assert cfg.data_preprocessor.num_classes == 3
    assert cfg.data_preprocessor.to_rgb
    assert cfg.val_dataloader.dataset.ann_file == 'datainfo/val.txt'


def test_keys_of_the_methods_exist():
    rows = re.findall(
        r'^\| `([\w-]+)` \| (`model\..+?) \|$', PAGE.read_text(), re.MULTILINE
    )
    assert len(rows) == 5
    for method, cell in rows:
        path = pages.ROOT / f'configs/rsprompter/_base_/{method}.py'
        cfg = Config.fromfile(path)
        for key in re.findall(r'`(model[\w.]+)=', cell):
            value = cfg
            for name in key.split('.'):
                value = value[name]
