"""A short run of the config for a CPU, on a small world of its own."""

from pathlib import Path

import cv2
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mmrs.synthetic.layouts import metaearth
from mmrs.utils.testing import build_test_runner

CONFIG = (
    Path(__file__).parents[3]
    / 'configs/metaearth/metaearth-tiny_2xb4-2600i_synthetic-earth-64x64.py'
)
TILE = 32


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """Tiles of one place for training, and of others for testing."""
    out = tmp_path_factory.mktemp('earth')
    numbers = range(0, 2 * metaearth.BLOCK_IMAGES, 6)
    list(metaearth.write(out, 0, numbers, TILE, None, 0.5))
    return out


def config(data: Path, work_dir: Path) -> Config:
    cfg = Config.fromfile(CONFIG)
    cfg.work_dir = str(work_dir)
    cfg.model.unet = dict(
        block_out_channels=(16, 16, 16),
        norm_num_groups=4,
        attn_norm_num_groups=4,
        sample_size=TILE,
    )
    cfg.model.test_cfg.num_inference_steps = 2
    cfg.train_cfg.update(max_iters=4, val_interval=4)
    cfg.default_hooks.checkpoint.interval = 4
    cfg.test_evaluator = [
        dict(type='GenerationMetric'),
        dict(type='FIDMetric'),
    ]
    for name in ('train', 'val', 'test'):
        loader = cfg[f'{name}_dataloader']
        loader.batch_size = 3
        loader.dataset.data_root = str(data)
        loader.dataset.split = 'train' if name == 'train' else 'val'
        for step in loader.dataset.pipeline:
            if step.type == 'CropTile':
                step.size = TILE
    return cfg


def test_training_testing_and_pictures(data, tmp_path):
    cfg = config(data, tmp_path)
    runner = Runner.from_cfg(cfg)
    runner.train()
    checkpoint = tmp_path / 'iter_4.pth'
    state = torch.load(checkpoint, weights_only=False)
    name = 'unet.conv_out.weight'
    trained = runner.model.state_dict()[name]
    # The averaged weights are what is tested; the others are kept to go on.
    assert torch.equal(state['ema_state_dict'][f'module.{name}'], trained)
    assert not torch.equal(state['state_dict'][name], trained)
    assert state['state_dict'][name].any()

    resolutions = 3
    picture = cv2.imread(str(tmp_path / 'samples/iter_4.png'))
    rows = min(3 * resolutions, len(runner.val_dataloader.dataset))
    assert picture.shape[1] == 3 * TILE + 2 * 4
    assert picture.shape[0] <= rows * (TILE + 4)

    cfg.work_dir = str(tmp_path / 'test')
    tests = [build_test_runner(cfg, str(checkpoint)) for _ in range(2)]
    for test in tests:
        tested = test.model.state_dict()[name]
        assert torch.equal(tested, state['state_dict'][name])
    figures = [test.test() for test in tests]
    assert figures[0] == figures[1]
    assert {'gen/psnr_4m', 'gen/FID_substitute', 'gen/lr_gain'} <= set(
        figures[0]
    )
