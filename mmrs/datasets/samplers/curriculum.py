"""Draws images for training, those with trustworthy labels first."""

import logging
import math
from collections.abc import Iterator, Sequence

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from mmengine.logging import print_log
from torch.utils.data import Dataset, Sampler

from mmrs.errors import InputError
from mmrs.registry import DATA_SAMPLERS

__all__ = ['Curriculum', 'CurriculumSampler']

STAGES = (
    dict(until=0.25, noisy=0.0),
    dict(until=0.75, noisy='pacing'),
    dict(until=1.0, noisy=1.0),
)
PACING = dict(type='root', c0=0.2, p=2)
ORDERS = ('curriculum', 'anti', 'random')


class Curriculum:
    """Which share of the noisy images takes part, and when.

    The three stages (warm-up on clean images, noisy images let in
    progressively, all images) are those of arXiv 2401.08932. Their lengths
    and the pacing are ours: the paper's are not known.

    Args:
        stages: In the order of time. `until` is the share of the training
            at which a stage ends, the last one 1. `noisy` is the share of the
            noisy images that take part, the easiest first, or ``'pacing'``.
        pacing: How the share grows from `c0` to 1 in a stage of pacing; x is
            the part of the stage that is over. `type` is ``'linear'`` (c0 +
            (1 - c0) x), ``'root'`` ((c0^p + (1 - c0^p) x)^(1/p)), ``'exp'``
            (c0^(1 - x)) or ``'step'`` (all at once).

    Raises:
        InputError: The stages are not in order, or the pacing is unknown.
    """

    def __init__(
        self, stages: Sequence[dict] = STAGES, pacing: dict = PACING
    ) -> None:
        ends = [stage['until'] for stage in stages]
        if ends != sorted(set(ends)) or not 0 < ends[0] <= ends[-1] == 1:
            raise InputError(
                f'sampler.stages: `until` must rise to 1, but it is {ends}'
            )
        for stage in stages:
            share = stage['noisy']
            if share != 'pacing' and not 0 <= share <= 1:
                raise InputError(
                    "sampler.stages: `noisy` must be 'pacing' or between 0 "
                    f'and 1, but it is {share!r}'
                )
        self.stages = list(stages)
        self.pacing = dict(PACING, **pacing)
        kind, start = self.pacing['type'], self.pacing['c0']
        if kind not in ('linear', 'root', 'exp', 'step'):
            raise InputError(
                f'sampler.pacing: type={kind!r} is none of linear, root, exp '
                'and step'
            )
        if not 0 < start <= 1:
            raise InputError(
                f'sampler.pacing: c0 must be above 0 and at most 1, not '
                f'{start}'
            )

    def stage(self, progress: float) -> int:
        """Number of the stage, 1 for the first.

        Args:
            progress: Share of the training that is over, 0 to 1.
        """
        ends = [stage['until'] for stage in self.stages]
        return min(sum(progress >= end for end in ends) + 1, len(ends))

    def share(self, progress: float) -> float:
        """Share of the noisy images that take part, 0 to 1.

        Args:
            progress: As of :meth:`stage`.
        """
        index = self.stage(progress) - 1
        share = self.stages[index]['noisy']
        if share != 'pacing':
            return float(share)
        begin = self.stages[index - 1]['until'] if index else 0.0
        length = self.stages[index]['until'] - begin
        return self._pace(min((progress - begin) / length, 1.0))

    def _pace(self, x: float) -> float:
        kind, start = self.pacing['type'], self.pacing['c0']
        if kind == 'step':
            return 1.0
        if kind == 'exp':
            return start ** (1 - x)
        power = 1 if kind == 'linear' else self.pacing['p']
        return (start**power + (1 - start**power) * x) ** (1 / power)


@DATA_SAMPLERS.register_module()
class CurriculumSampler(Sampler):
    """Draw clean images first, then noisy ones too, the easiest first.

    What is drawn is a pure function of the seed and the position: the whole
    order is laid out before training by :meth:`plan`, which
    :class:`CurriculumHook` calls. A position belongs to an iteration, the
    iteration to a stage, the stage says how many images of the batch are
    noisy and of which pool they are. Clean and noisy images are each drawn by
    permutations, so that none comes again before all have come; a pool that
    grows is drawn anew when its images are used up.

    A global batch holds the same images on any number of processes, and a run
    that goes on from a checkpoint draws what an unbroken one draws. The
    length is that of :class:`mmengine.dataset.DefaultSampler` at all times,
    because the loops of MMEngine read it once.

    Args:
        dataset: Its items have `subset` (``'clean'`` or ``'noisy'``) and
            `difficulty` (0 to 1).
        stages: As of :class:`Curriculum`.
        pacing: As of :class:`Curriculum`.
        min_clean_ratio: Least share of clean images in the draws. Below it
            all images that take part are drawn equally often.
        order: ``'curriculum'``. For comparison: ``'random'`` puts the images
            in random order and ``'anti'`` the hardest first; as many images
            as with ``'curriculum'`` take part at any time.
        seed: Of the draws. None: one that all processes agree on.

    Raises:
        InputError: No image is clean, an item has no subset, or an argument
            is out of range.
    """

    def __init__(
        self,
        dataset: Dataset,
        stages: Sequence[dict] = STAGES,
        pacing: dict = PACING,
        min_clean_ratio: float = 0.5,
        order: str = 'curriculum',
        seed: int | None = None,
    ) -> None:
        if order not in ORDERS:
            raise InputError(
                f'sampler.order={order!r} is none of {", ".join(ORDERS)}'
            )
        if not 0 <= min_clean_ratio <= 1:
            raise InputError(
                'sampler.min_clean_ratio must be between 0 and 1, not '
                f'{min_clean_ratio}'
            )
        self.rank, self.world_size = get_dist_info()
        self.dataset = dataset
        self.curriculum = Curriculum(stages, pacing)
        self.min_clean_ratio = min_clean_ratio
        self.order = order
        self.seed = sync_random_seed() if seed is None else seed
        self.epoch = 0
        self.noisy, self.difficulty = _read_quality(dataset)
        self._batches = None
        self._draws = None
        self._skipped = 0

    def plan(
        self,
        batch_size: int,
        max_iters: int | None = None,
        max_epochs: int | None = None,
    ) -> None:
        """Lay out the order of a whole training.

        Args:
            batch_size: Images a batch of one process.
            max_iters: Iterations, for a loop that counts these.
            max_epochs: Epochs, for a loop that counts these. An epoch has as
                many draws as there are images; its last batch may be smaller.
        """
        size = batch_size * self.world_size
        if max_epochs is None:
            self._batches = np.full(max_iters, size)
        else:
            count = len(self.noisy)
            epoch = np.full(math.ceil(count / size), size)
            epoch[-1] = count - size * (len(epoch) - 1)
            self._batches = np.tile(epoch, max_epochs)
        self._by_epoch = max_epochs is not None
        self._draws = self._draw(self._batches)

    def set_difficulty(self, difficulty: Sequence[float]) -> None:
        """Rank the noisy images anew, and lay out the order by it.

        Only exact when resumed if the caller keeps the values, as
        :class:`CurriculumHook` does.

        Args:
            difficulty: Of each image of the data set, in its order.
        """
        self.difficulty = np.asarray(difficulty, dtype=np.float64)
        if self._batches is not None:
            self._draws = self._draw(self._batches)

    def __iter__(self) -> Iterator[int]:
        """Yield the indices of this process: of the epoch, or of all time.

        Raises:
            InputError: There is no plan.
        """
        if self._draws is None:
            raise InputError(
                'CurriculumSampler has no plan of the training yet; add '
                "dict(type='CurriculumHook') to custom_hooks"
            )
        draws = self._draws
        if self._by_epoch:
            count = len(self.noisy)
            start = self.epoch * count
            # As in DefaultSampler, the first ones fill up the last round.
            total = len(self) * self.world_size
            draws = np.resize(draws[start : start + count], total)
        draws = draws[self.rank :: self.world_size]
        yield from draws[self._skipped :].tolist()

    def __len__(self) -> int:
        """Images an epoch of one process."""
        return math.ceil(len(self.noisy) / self.world_size)

    def set_epoch(self, epoch: int) -> None:
        """Go to an epoch; loops that count iterations have one alone.

        Args:
            epoch: Number of the epoch, 0 for the first.
        """
        self.epoch = epoch

    def skip(self, num_samples: int) -> None:
        """Begin later, for a resumed loop that counts iterations.

        Args:
            num_samples: Draws of this process that are over.
        """
        self._skipped = num_samples

    def _random(self, purpose: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, purpose])

    def _ranking(self) -> np.ndarray:
        """Order all images; equal ones at random."""
        chance = self._random(0).random(len(self.noisy))
        if self.order == 'random':
            return np.argsort(chance)
        ranking = np.lexsort((chance, self.difficulty, self.noisy))
        return ranking[::-1] if self.order == 'anti' else ranking

    def _draw(self, batches: np.ndarray) -> np.ndarray:
        """Choose the images of batches of these sizes, one after another."""
        ranking = self._ranking()
        num_first = np.count_nonzero(~self.noisy)
        first, later = ranking[:num_first], ranking[num_first:]
        progress = np.arange(len(batches)) / len(batches)
        share = np.array([self.curriculum.share(t) for t in progress])
        pool = np.ceil(share * len(later)).astype(np.int64)
        ratio = np.minimum(pool / (num_first + pool), 1 - self.min_clean_ratio)
        # Rounded over time, not a batch: small ratios count, too.
        due = np.floor(np.cumsum(ratio * batches) + 1e-6).astype(np.int64)
        counts = np.diff(due, prepend=0)
        is_later = self._scatter(counts, batches)
        pools = np.repeat(pool, counts)
        draws = np.empty(len(is_later), np.int64)
        draws[is_later] = later[_permute(pools, self._random(1))]
        pools = np.full(len(is_later) - len(pools), num_first)
        draws[~is_later] = first[_permute(pools, self._random(2))]
        return draws

    def _scatter(self, counts: np.ndarray, batches: np.ndarray) -> np.ndarray:
        """Mark so many places of each batch at random.

        In fixed places they would all be drawn by the same process.
        """
        batch = np.repeat(np.arange(len(batches)), batches)
        place = np.arange(len(batch)) - np.repeat(
            np.cumsum(batches) - batches, batches
        )
        shuffled = np.lexsort((self._random(3).random(len(batch)), batch))
        marks = np.zeros(len(batch), bool)
        marks[shuffled] = place < np.repeat(counts, batches)
        return marks


def _read_quality(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Read which images are noisy, and how difficult each is."""
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    for info in infos:
        if info.get('subset') not in ('clean', 'noisy'):
            name = info.get('sample_id', info.get('img_path'))
            raise InputError(
                f'{name}: its subset is {info.get("subset")!r}; '
                "CurriculumSampler needs 'clean' or 'noisy', which "
                'quality.csv of the data set tells'
            )
    noisy = np.array([info['subset'] == 'noisy' for info in infos], bool)
    if noisy.all():
        raise InputError(
            'CurriculumSampler: no image of the training set is clean, so '
            'there is nothing to begin with; mark some in quality.csv'
        )
    if not noisy.any():
        print_log(
            'CurriculumSampler: all images are clean, so that all take part '
            'at all times; quality.csv of the data set can mark noisy ones.',
            logger='current',
            level=logging.WARNING,
        )
    difficulty = [float(info.get('difficulty', 0.0)) for info in infos]
    return noisy, np.array(difficulty)


def _permute(pools: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Draw from pools without repetition until they are used up.

    Args:
        pools: Size of the pool at each draw.
        random: Of the permutations.

    Returns:
        Places in the pool, one a draw.
    """
    drawn, filled = [np.empty(0, np.int64)], 0
    while filled < len(pools):
        drawn.append(random.permutation(pools[filled]))
        filled += pools[filled]
    return np.concatenate(drawn)[: len(pools)]
