"""As many images of each resolution."""

import math
from collections.abc import Iterator

import numpy as np
from mmengine.dataset import BaseDataset, ConcatDataset
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from mmrs.registry import DATA_SAMPLERS

__all__ = ['UniformResolutionSampler']


@DATA_SAMPLERS.register_module()
class UniformResolutionSampler(Sampler):
    """Draws all resolutions equally often (ours; the paper's mix is unknown).

    An epoch has as many images of each resolution as there are of the most
    frequent one; the others are repeated, each time in another order.
    Neighbours in the order are of different resolutions, so that batches are
    mixed.

    Args:
        dataset: A :class:`~mmrs.datasets.ResolutionPyramidDataset`, or a
            ``ConcatDataset`` of such.
        seed: None: one that all processes agree on.
    """

    def __init__(
        self, dataset: BaseDataset | ConcatDataset, seed: int | None = None
    ) -> None:
        self.rank, self.world_size = get_dist_info()
        self.seed = sync_random_seed() if seed is None else seed
        self.epoch = 0
        resolutions = _resolutions(dataset)
        self.groups = [
            np.flatnonzero(resolutions == r) for r in np.unique(resolutions)
        ]
        self.most = max(len(group) for group in self.groups)

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng([self.seed, self.epoch])
        columns = [
            np.concatenate(
                [
                    rng.permutation(group)
                    for _ in range(math.ceil(self.most / len(group)))
                ]
            )[: self.most]
            for group in self.groups
        ]
        order = rng.permuted(np.stack(columns, 1), axis=1).ravel()
        order = np.resize(order, len(self) * self.world_size)
        yield from order[self.rank :: self.world_size].tolist()

    def __len__(self) -> int:
        """Number of images that this process draws in an epoch."""
        return math.ceil(len(self.groups) * self.most / self.world_size)

    def set_epoch(self, epoch: int) -> None:
        """Choose the order; MMEngine's loops call it."""
        self.epoch = epoch


def _resolutions(dataset: BaseDataset | ConcatDataset) -> np.ndarray:
    if isinstance(dataset, ConcatDataset):
        return np.concatenate([_resolutions(x) for x in dataset.datasets])
    return dataset.sample_resolutions
