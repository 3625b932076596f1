"""Every config in the tree parses and builds its model."""

from pathlib import Path

import pytest
from meta_device import on_meta
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmrs.registry import DATASETS, MODELS

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


def build_model(cfg):
    """Build the model on the meta device as the Runner would, unloaded."""
    if 'data_preprocessor' in cfg:
        cfg.model.setdefault('data_preprocessor', cfg.data_preprocessor)
    with on_meta():
        return MODELS.build(without_weights(cfg.model))


def datasets_of(cfg):
    """Data sets of a config, without those that repeat them."""
    for split in ('train', 'val', 'test'):
        dataset = cfg[f'{split}_dataloader'].dataset
        yield dataset.get('dataset', dataset)


def sizes_of_pipelines(cfg):
    """Sizes that images are resized or cropped to."""
    for dataset in datasets_of(cfg):
        for step in dataset.pipeline:
            yield from (step[k] for k in ('scale', 'crop_size') if k in step)


def check_rsprompter(cfg, model):
    pad_size = model.data_preprocessor.pad_size_divisor
    for size in sizes_of_pipelines(cfg):
        assert tuple(size) == (pad_size, pad_size)


def check_rsmamba(cfg, model):
    num_classes = model.head.num_classes
    assert model.data_preprocessor.num_classes == num_classes
    assert model.head.in_channels == model.backbone.embed_dims
    for dataset in datasets_of(cfg):
        classes = DATASETS.get(dataset.type).METAINFO.get('classes')
        assert classes is None or len(classes) == num_classes
        last = [k for k in dataset.pipeline if {'scale', 'crop_size'} & set(k)]
        size = last[-1].get('crop_size', last[-1].get('scale'))
        size = (size, size) if isinstance(size, int) else tuple(size)
        assert size == (cfg.model.backbone.img_size,) * 2


def check_cloud_snow(cfg, model):
    network = getattr(model, 'segmentor', model)
    first = next(p for p in network.backbone.parameters() if p.ndim == 4)
    assert model.data_preprocessor.num_bands in (None, first.shape[1])
    for dataset in datasets_of(cfg):
        reader = DATASETS.get(dataset.type)
        view = reader.VIEWS[dataset.get('view') or reader.VIEW]
        assert len(view['classes']) == network.num_classes


def check_metaearth(cfg, model):
    # The pipeline's windows are of the size of the training tiles.
    for dataset in datasets_of(cfg):
        for part in dataset.get('datasets', [dataset]):
            (size,) = (
                step.size for step in part.pipeline if step.type == 'CropTile'
            )
            assert size == model.unet.config.sample_size


CHECKS = dict(
    rsprompter=check_rsprompter,
    rsmamba=check_rsmamba,
    cloud_snow=check_cloud_snow,
    metaearth=check_metaearth,
)


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_config_builds(path):
    cfg = Config.fromfile(path)
    init_default_scope(cfg.default_scope)
    model = build_model(cfg)
    assert sum(p.numel() for p in model.parameters()) > 0
    for method in CHECKS.keys() & set(path.parts):
        CHECKS[method](cfg, model)
    assert "'/" not in cfg.pretty_text
