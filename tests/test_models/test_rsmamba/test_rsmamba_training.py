"""RSMamba learns: a minute of training beats what mean colours tell."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from mmrs.synthetic.layouts import write_dataset

pytest.importorskip('mmpretrain')

CONFIG = next(
    (Path(__file__).parents[3] / 'configs' / 'rsmamba').glob(
        'rsmamba-tiny_*_synthetic-scenes-64x64.py'
    )
)


def read_list(data, name):
    """Mean colours (N, 3) and labels (N,) of the images of a list."""
    classes = (data / 'cls_names.txt').read_text().split()
    lines = (data / f'{name}.txt').read_text().split()
    colours = [cv2.imread(str(data / line)).mean((0, 1)) for line in lines]
    labels = [classes.index(line.split('/')[0]) for line in lines]
    return torch.from_numpy(np.stack(colours)).float(), torch.tensor(labels)


def mean_colour_accuracy(colours, labels):
    """Training accuracy of a logistic regression, in percent."""
    colours = (colours - colours.mean(0)) / colours.std(0)
    linear = torch.nn.Linear(3, labels.max().item() + 1)
    optimizer = torch.optim.LBFGS(linear.parameters(), max_iter=200)

    def closure():
        optimizer.zero_grad()
        loss = F.cross_entropy(linear(colours), labels)
        loss.backward()
        return loss

    optimizer.step(closure)
    right = linear(colours).argmax(1) == labels
    return 100 * right.float().mean().item()


def small_cfg(data, work_dir, seed):
    cfg = Config.fromfile(CONFIG)
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = f'rsmamba_training_{seed}'
    cfg.randomness = dict(seed=seed)
    cfg.model.backbone.update(patch_cfg=dict(stride=8))
    for split in ('train', 'val', 'test'):
        cfg[f'{split}_dataloader'].dataset.data_root = str(data)
    cfg.val_dataloader.dataset.ann_file = 'train.txt'
    cfg.train_dataloader.batch_size = 16
    cfg.train_cfg.update(max_epochs=30, val_interval=100)
    cfg.default_hooks.checkpoint.interval = 30
    return cfg


@pytest.mark.slow
@pytest.mark.trains
def test_training_beats_mean_colours(tmp_path, training_seed, clears):
    data = tmp_path / 'data'
    write_dataset(
        'scene-cls', data, seed=3, num=64, size=64, val_fraction=0.25
    )
    cfg = small_cfg(data, tmp_path / 'work', training_seed)
    with DefaultScope.overwrite_default_scope('mmrs'):
        runner = Runner.from_cfg(cfg)
        runner.train()
        trained = runner.val_loop.run()
        unseen = runner.test()

        cfg.load_from = str(tmp_path / 'work' / 'epoch_30.pth')
        cfg.experiment_name += '_loaded'
        assert Runner.from_cfg(cfg).test() == unseen
    baseline = mean_colour_accuracy(*read_list(data, 'train'))
    clears(
        'accuracy on known images, %',
        trained['single-label/accuracy'],
        above=baseline + 10,
    )
    chance = 100 / 16  # also the majority: all classes have as many images
    clears(
        'accuracy on unseen images, %',
        unseen['single-label/accuracy'],
        above=4 * chance,
    )
