"""How the losses of several tasks become one."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn

from mmrs.errors import InputError
from mmrs.registry import MODELS

Losses = dict[str, Tensor]


class LossBalancer(nn.Module, ABC):
    """Base: weighs all ``loss_*`` of a dict, and keeps their own values.

    A subclass has ``balance(losses)``, which gets the losses alone and
    returns as many under the same names.
    """

    def forward(self, losses: Losses) -> Losses:
        """Balance.

        Args:
            losses: ``loss_TASK``, which are balanced, and others.

        Returns:
            All of them, with ``raw_TASK``: the losses as they were, which
            MMEngine logs and does not optimise.
        """
        tasks = {k: v for k, v in losses.items() if k.startswith('loss_')}
        raw = {
            f'raw_{name.removeprefix("loss_")}': value.detach()
            for name, value in tasks.items()
        }
        return losses | self.balance(tasks) | raw

    @abstractmethod
    def balance(self, losses: Losses) -> Losses:
        """Weigh the losses."""


@MODELS.register_module()
class SumLosses(LossBalancer):
    """Fixed weights.

    Args:
        weights: By task; 1 where a task is not named.
    """

    def __init__(self, weights: dict[str, float] | None = None) -> None:
        super().__init__()
        self.weights = dict(weights or {})

    def balance(self, losses: Losses) -> Losses:
        """Multiply each loss by its weight."""
        _check_tasks(losses, self.weights, 'SumLosses.weights')
        return {
            name: value * self.weights.get(name.removeprefix('loss_'), 1.0)
            for name, value in losses.items()
        }


@MODELS.register_module()
class StopGradNormalize(LossBalancer):
    """Divide each loss by its own value, through which no gradient flows.

    Every balanced loss is 1, and its gradient is that of the logarithm. What
    MCI is trained with.

    Args:
        eps: The least divisor.
    """

    def __init__(self, eps: float = 1e-8) -> None:
        super().__init__()
        self.eps = eps

    def balance(self, losses: Losses) -> Losses:
        """Normalise each loss."""
        return {
            name: value / value.detach().clamp(min=self.eps)
            for name, value in losses.items()
        }


@MODELS.register_module()
class Uncertainty(LossBalancer):
    """Learnt weights: ``exp(-s) loss + s / 2`` with one ``s`` a task.

    ``s`` is the logarithm of the variance of a task's noise (Kendall et al.,
    CVPR 2018, arXiv 1705.07115, for classification). Balanced losses may be
    negative.

    Args:
        tasks: Their names.
    """

    def __init__(self, tasks: Sequence[str] = ('caption', 'mask')) -> None:
        super().__init__()
        self.tasks = tuple(tasks)
        self.log_variance = nn.Parameter(torch.zeros(len(self.tasks)))

    def balance(self, losses: Losses) -> Losses:
        """Weigh each loss by the precision of its task."""
        _check_tasks(losses, self.tasks, 'Uncertainty.tasks', exactly=True)
        balanced = {}
        for task, s in zip(self.tasks, self.log_variance):
            loss = losses[f'loss_{task}']
            balanced[f'loss_{task}'] = torch.exp(-s) * loss + s / 2
        return balanced


@MODELS.register_module()
class DynamicWeightAverage(LossBalancer):
    """Weigh the tasks up whose losses fall the least.

    The weight of a task is ``K exp(w / T) / sum exp(w / T)``, where ``w`` is
    its mean loss in the last window of steps by that of the window before
    (Liu et al., CVPR 2019, arXiv 1803.10704); 1 in the first two windows. The
    state is part of checkpoints. In distributed training the means are those
    of all processes.

    Args:
        window: Training steps of a window; the paper takes an epoch.
        tasks: Their names.
        temperature: ``T``; the larger, the more alike are the weights.
    """

    def __init__(
        self,
        window: int,
        tasks: Sequence[str] = ('caption', 'mask'),
        temperature: float = 2.0,
    ) -> None:
        super().__init__()
        self.window = window
        self.tasks = tuple(tasks)
        self.temperature = temperature
        num = len(self.tasks)
        self.register_buffer('weights', torch.ones(num))
        self.register_buffer('total', torch.zeros(num))
        self.register_buffer('previous', torch.zeros(num))
        self.register_buffer('steps', torch.tensor(0))

    def balance(self, losses: Losses) -> Losses:
        """Weigh each loss, and note it where training."""
        _check_tasks(
            losses, self.tasks, 'DynamicWeightAverage.tasks', exactly=True
        )
        names = [f'loss_{task}' for task in self.tasks]
        balanced = {
            name: losses[name] * weight
            for name, weight in zip(names, self.weights.clone())
        }
        if self.training:
            self._note(torch.stack([losses[name].detach() for name in names]))
        return balanced

    def _note(self, losses: Tensor) -> None:
        self.total += losses
        self.steps += 1
        steps = int(self.steps)
        if steps % self.window:
            return
        mean = self.total / self.window
        all_reduce(mean, 'mean')
        if steps > self.window:
            ratio = mean / self.previous.clamp(min=1e-8)
            weights = (ratio / self.temperature).softmax(0)
            self.weights.copy_(weights * len(self.tasks))
        self.previous.copy_(mean)
        self.total.zero_()


def _check_tasks(
    losses: Losses, tasks: Sequence[str], key: str, exactly: bool = False
) -> None:
    """Raise an InputError where a balancer knows other tasks than it gets."""
    found = {name.removeprefix('loss_') for name in losses}
    wrong = set(tasks) ^ found if exactly else set(tasks) - found
    if wrong:
        raise InputError(
            f'loss_balancer: {key} names {", ".join(tasks)}, but the losses '
            f'are of {", ".join(sorted(found))}'
        )
