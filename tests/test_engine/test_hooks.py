import random

import numpy as np
import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import Dataset

from mmrs.errors import InputError


class Noise(Dataset):
    """Items that show the three random states of their loading process."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        numpy_number = np.random.rand()  # noqa: NPY002
        numbers = [random.random(), numpy_number, torch.rand(1).item()]
        return torch.tensor(numbers)


class Recorder(BaseModel):
    """Keeps what it was trained on; its losses come from a list."""

    def __init__(self, losses=()):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))
        self.losses = list(losses)
        self.seen = []

    def forward(self, inputs, mode='tensor'):
        own = torch.rand(1).expand(len(inputs), 1)
        self.seen.append(torch.cat([inputs, own], dim=1))
        loss = self.losses.pop(0) if self.losses else 1.0
        return {'loss_a': self.weight.sum(), 'loss_b': torch.tensor(loss)}


class BatchAsInputs(torch.nn.Module):
    """Stacks a list of points under the key `inputs`."""

    def forward(self, data, training=False):
        return {'inputs': torch.stack(data)}


def make_runner(tmp_path, hooks, epochs=2, losses=(), **loader) -> Runner:
    model = Recorder(losses)
    model.data_preprocessor = BatchAsInputs()
    return Runner(
        model,
        str(tmp_path),
        train_dataloader=dict(
            dataset=Noise(),
            sampler=dict(type='DefaultSampler', shuffle=False),
            batch_size=2,
            **dict(num_workers=1) | loader,
        ),
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.0)),
        default_hooks=dict(checkpoint=None, logger=None),
        custom_hooks=hooks,
        randomness=dict(seed=3),
        experiment_name=str(tmp_path),
        default_scope='mmrs',
    )


def train_and_see(tmp_path, **options) -> torch.Tensor:
    """Train two epochs; return (epoch, sample, number)."""
    hooks = [dict(type='EpochSeedHook')]
    runner = make_runner(tmp_path, hooks, **options)
    runner.train()
    return torch.cat(runner.model.seen).unflatten(0, (2, 4))


def test_every_epoch_has_numbers_of_its_own(tmp_path):
    seen = train_and_see(tmp_path)
    first, second = seen
    assert (first != second).all()
    # The loading process and the model draw from different states.
    assert len(first[:, :3].unique()) == 12


def test_numbers_are_a_function_of_the_epoch(tmp_path):
    seen = train_and_see(tmp_path / 'a')
    torch.rand(100)
    assert torch.equal(train_and_see(tmp_path / 'b'), seen)


def test_without_the_hook_mmengine_repeats_its_augmentations(tmp_path):
    runner = make_runner(tmp_path, hooks=[])
    runner.train()
    seen = torch.cat(runner.model.seen).unflatten(0, (2, 4))
    assert torch.equal(seen[0, :, :3], seen[1, :, :3])


def test_lasting_loading_processes_are_warned_of(tmp_path, caplog):
    hooks = [dict(type='EpochSeedHook')]
    runner = make_runner(tmp_path, hooks, persistent_workers=True)
    runner.logger.addHandler(caplog.handler)
    runner.train()
    assert 'persistent_workers=True keeps the random state' in caplog.text


def test_loss_that_stays_nan_stops_the_run(tmp_path):
    nan = float('nan')
    runner = make_runner(
        tmp_path,
        hooks=[dict(type='FiniteLossHook', patience=2)],
        epochs=4,
        losses=[1.0, nan, 1.0, nan, nan, 1.0],
    )
    with pytest.raises(
        InputError,
        match='not finite in 2 iterations in a row, up to iteration 5: '
        'loss=nan, loss_b=nan; lower optim_wrapper.optimizer.lr',
    ):
        runner.train()
    assert runner.iter == 4
