"""The three change methods learn: a minute each beats a constant sentence."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from mmrs.datasets.caption_files import read_captions
from mmrs.structures import Vocabulary
from mmrs.synthetic.layouts import write_dataset

pytest.importorskip('pycocoevalcap')
pytest.importorskip('mmpretrain')

CONFIGS = Path(__file__).parents[3] / 'configs'
METHODS = {
    method: next((CONFIGS / method).glob(f'{method}_mit-tiny_2xb16-*.py'))
    for method in ('rscama', 'mci', 'pix4cap')
}
EPOCHS = dict(rscama=40, mci=60, pix4cap=45)


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """32 pairs for training; their true masks serve as pseudo-labels."""
    root = tmp_path_factory.mktemp('pairs') / 'data'
    write_dataset('levir-mci', root, seed=3, num=40, size=64, val_fraction=0.2)
    images = root / 'images' / 'train'
    shutil.copytree(images / 'label', images / 'pseudo')
    for path in (images / 'pseudo').iterdir():
        mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        cv2.imwrite(str(path), np.uint8(255) * (mask > 0))
    return root


def small_cfg(method, data, work_dir, seed):
    cfg = Config.fromfile(METHODS[method])
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = f'{method}_training_{seed}'
    cfg.randomness = dict(seed=seed)
    for split in ('train', 'val', 'test'):
        dataset = cfg[f'{split}_dataloader'].dataset
        dataset.update(data_root=str(data), min_count=1)
    cfg.val_dataloader.dataset.split = 'train'
    dataset = cfg.train_dataloader.dataset
    steps = [t for t in dataset.pipeline if t.type != 'FlipPair']
    dataset.pipeline = steps
    cfg.train_dataloader.batch_size = 8
    cfg.train_cfg.update(max_epochs=EPOCHS[method], val_interval=100)
    cfg.default_hooks.checkpoint.interval = EPOCHS[method]
    sentences = [
        sentence
        for pair in read_captions(data / 'LevirCCcaptions.json')
        for sentence in pair.captions
    ]
    words = len(Vocabulary.build(sentences, min_count=1))
    cfg.model.caption_head.num_words = words
    return cfg


@pytest.mark.slow
@pytest.mark.trains
@pytest.mark.parametrize('method', METHODS)
def test_training_beats_a_constant_sentence(
    method, data, tmp_path, training_seed, clears
):
    cfg = small_cfg(method, data, tmp_path, training_seed)
    with DefaultScope.overwrite_default_scope('mmrs'):
        runner = Runner.from_cfg(cfg)
        runner.train()
        trained = runner.val_loop.run()
        unseen = runner.test()

        cfg.load_from = str(tmp_path / f'epoch_{EPOCHS[method]}.pth')
        cfg.experiment_name += '_loaded'
        loaded = Runner.from_cfg(cfg).test()
    # A class that no pair shows has no score.
    assert loaded == pytest.approx(unseen, rel=0, abs=0, nan_ok=True)
    # The best that any one sentence can do, on the same pairs.
    constant = trained['caption/best_constant_CIDEr-D']
    clears(
        'CIDEr-D / best constant',
        trained['caption/CIDEr-D'] / constant,
        above=1.5,
    )
    if method != 'rscama':
        # All pixels taken for changed would score a tenth at best.
        clears(
            'mIoU of changed pixels, %', trained['mask/mIoU_changed'], above=50
        )
