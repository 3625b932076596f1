"""Random numbers that depend on the epoch alone, for exact resuming."""

import random

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmrs.registry import HOOKS


@HOOKS.register_module()
class EpochSeedHook(Hook):
    """Seed every training epoch from the run's seed, the epoch and the rank.

    A checkpoint keeps no state of the random number generators. With this
    hook it need not: all random numbers of an epoch (dropout, sampling of
    proposals, augmentation) are a function of ``(randomness.seed, epoch,
    rank)`` and of ``num_workers``, so a run that was killed and resumed from
    the end of an epoch ends with the weights of an unbroken one.

    It also replaces MMEngine's seeding of the loading processes, which
    repeats the same augmentations in every epoch, by that of PyTorch, which
    derives the seed of each process from the generator seeded here.

    The guarantee is for epoch-based training: an iteration-based loop is one
    long epoch. Loading processes that live on between epochs
    (``persistent_workers=True``) keep their random state, so the hook warns.

    Acts in ``before_train`` and ``before_train_epoch``.
    """

    def before_train(self, runner: Runner) -> None:
        """Hand the seeding of the loading processes to PyTorch."""
        loader = runner.train_dataloader
        loader.worker_init_fn = None
        if loader.persistent_workers:
            runner.logger.warning(
                'train_dataloader.persistent_workers=True keeps the random '
                'state of the loading processes: a resumed run will not '
                'repeat an unbroken one.'
            )

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed Python's, NumPy's and PyTorch's generators."""
        sequence = np.random.SeedSequence(
            [runner.seed, runner.epoch, runner.rank]
        )
        seed = int(sequence.generate_state(1)[0])
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002  (the transforms use it)
        torch.manual_seed(seed)
