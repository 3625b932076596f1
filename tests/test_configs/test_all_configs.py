"""Every config in the tree parses and builds its model."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.utils import import_modules_from_strings

from mmrs.registry import MODELS

CONFIGS = sorted(
    path
    for path in (Path(__file__).parents[2] / 'configs').rglob('*.py')
    if '_base_' not in path.parts
)


def without_weights(cfg):
    """Drop what would read a checkpoint."""
    for key in list(cfg):
        if key == 'sam_checkpoint' or key == 'init_cfg':
            cfg[key] = None
        elif isinstance(cfg[key], dict):
            without_weights(cfg[key])
    return cfg


def sizes_of_pipelines(cfg):
    """Sizes that images are resized or cropped to."""
    for split in ('train', 'val', 'test'):
        dataset = cfg[f'{split}_dataloader'].dataset
        for step in dataset.get('dataset', dataset).pipeline:
            yield from (step[k] for k in ('scale', 'crop_size') if k in step)


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_config_builds(path):
    cfg = Config.fromfile(path)
    import_modules_from_strings(**cfg.custom_imports)
    init_default_scope(cfg.default_scope)
    with torch.device('meta'):
        model = MODELS.build(without_weights(cfg.model))
    assert sum(p.numel() for p in model.parameters()) > 0
    for split in ('train', 'val', 'test'):
        assert f'{split}_dataloader' in cfg
    if 'rsprompter' in path.parts:
        for size in sizes_of_pipelines(cfg):
            assert (
                tuple(size) == (model.data_preprocessor.pad_size_divisor,) * 2
            )
    assert "'/" not in cfg.pretty_text
