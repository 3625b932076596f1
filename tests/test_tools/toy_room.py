"""A room of toys: a method small enough to train in a second."""

import os
import signal

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from torch import nn
from torch.utils.data import Dataset

from mmrs.registry import DATASETS, HOOKS, METRICS, MODELS


@DATASETS.register_module()
class ToyPoints(Dataset):
    """Points labelled by the sign of their sum, moved at random if asked."""

    metainfo = {'classes': ('below', 'above')}

    def __init__(self, num: int, jitter: float = 0.0) -> None:
        generator = np.random.default_rng(0)
        self.points = generator.normal(size=(num, 4)).astype('float32')
        self.jitter = jitter

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, index: int) -> dict:
        point = self.points[index]
        label = int(point.sum() > 0)
        noise = np.random.normal(size=4).astype('float32')  # noqa: NPY002
        moved = torch.from_numpy(point + self.jitter * noise)
        return {'inputs': moved, 'labels': torch.tensor(label)}


@MODELS.register_module()
class ToyClassifier(BaseModel):
    """Two linear layers with dropout between them."""

    def __init__(self, width: int = 8, dropout: float = 0.0) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(4, width), nn.Dropout(dropout), nn.Linear(width, 2)
        )

    def forward(self, inputs, labels, mode='tensor'):
        scores = self.layers(inputs)
        if mode == 'loss':
            return {'loss_cls': nn.functional.cross_entropy(scores, labels)}
        return [
            {'score': float(score.softmax(0)[1]), 'label': int(label)}
            for score, label in zip(scores, labels)
        ]


@METRICS.register_module()
class ToyAccuracy(BaseMetric):
    """Part of the points on the right side."""

    default_prefix = 'toy'

    def process(self, data_batch, data_samples):
        self.results += [
            (sample['score'] > 0.5) == sample['label']
            for sample in data_samples
        ]

    def compute_metrics(self, results):
        return {'accuracy': float(np.mean(results))}


@HOOKS.register_module()
class KillHook(Hook):
    """Kills the training process after an iteration."""

    def __init__(self, iteration: int) -> None:
        self.iteration = iteration

    def after_train_iter(self, runner, *args, **kwargs):
        if runner.iter + 1 == self.iteration:
            os.kill(os.getpid(), signal.SIGKILL)


@MODELS.register_module()
class ToyConvolution(BaseModel):
    """One convolution of 3 to 4 channels, whose costs are known."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 3, padding=1)
        self.unused = nn.Linear(2, 3).requires_grad_(False)

    def forward(self, inputs, data_samples, mode='tensor'):
        return self.convolution(torch.stack(inputs).float())
