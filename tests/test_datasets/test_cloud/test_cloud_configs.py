"""The configs of the cloud data sets fit the readers."""

from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DefaultScope

import mmrs.datasets
from mmrs.registry import DATASETS

FOLDER = Path(__file__).parents[3] / 'configs/_base_/datasets'
READERS = dict(
    levir_cs='LevirCSDataset',
    synthetic_levir_cs='LevirCSDataset',
    csmask='CSMaskDataset',
    cloudsen12_l1c='CloudSEN12Dataset',
    sparcs='SPARCSDataset',
    l8_biome='L8BiomeDataset',
    hrc_whu='HRCWHUDataset',
    gf1_whu='GF1WHUDataset',
    gf12ms_whu='GF12MSWHUDataset',
)
READERS |= dict.fromkeys(('38cloud', 'synthetic_38cloud'), 'Cloud38Dataset')


@pytest.fixture(autouse=True)
def scope():
    with DefaultScope.overwrite_default_scope('mmrs'):
        yield


def load(name):
    return Config.fromfile(FOLDER / f'{name}.py')


@pytest.mark.parametrize('name', READERS)
def test_statistics_and_crops_fit_the_bands(name):
    cfg = load(name)
    dataset = cfg.train_dataloader.dataset
    assert dataset.type == READERS[name]
    reader = getattr(mmrs.datasets, dataset.type)
    bands = dataset.get('bands') or [b for b in reader.BANDS if b != 'dem']
    preprocessor = cfg.data_preprocessor
    if 'mean' in preprocessor:
        assert len(preprocessor.mean) == len(preprocessor.std) == len(bands)
    else:
        assert dataset.pipeline[-2].type == 'PerPatchZScore'
    for step in dataset.pipeline:
        if step.type == 'RandomScaleCrop':
            assert preprocessor.size == (step.crop_size, step.crop_size)


def test_a_training_batch_and_a_test_image(levir_cs):
    from mmrs.models.cloud_snow import MultiBandDataPreprocessor

    cfg = load('levir_cs')
    options = dict(data_root=str(levir_cs))
    data = DATASETS.build(dict(cfg.train_dataloader.dataset, **options))
    batch = pseudo_collate([data[0], data[1]])
    preprocess = MultiBandDataPreprocessor(
        **{k: v for k, v in cfg.data_preprocessor.items() if k != 'type'}
    )
    batch = preprocess(batch, training=True)
    assert batch['inputs'].shape == (2, 4, 512, 512)
    labels = batch['data_samples'][0].gt_sem_seg.data
    assert labels.shape == (1, 512, 512)
    assert set(labels.unique().tolist()) <= {0, 1, 2, 255}
    test = DATASETS.build(dict(cfg.test_dataloader.dataset, **options))
    sample = test[2]['data_samples']
    assert sample.sample_id == 'GF1_WFV1_E2.0_N45.9_test'
    assert sample.subset == 'clean' and sample.ori_shape == (40, 48)
    np.testing.assert_array_equal(sample.gt_sem_seg.data[0, :10], 1)
