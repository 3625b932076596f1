"""Trains a part of a model, and keeps the rest as it is."""

from collections.abc import Iterator, Sequence

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn

from mmrs.errors import InputError
from mmrs.registry import HOOKS


@HOOKS.register_module()
class FreezeHook(Hook):
    """Train the named parts only.

    For training in stages: a config that goes on from the checkpoint of an
    earlier stage names the parts of its own. All other parameters get no
    gradient, which leaves them out of every step of the optimiser, weight
    decay included. Parts that the model has frozen itself stay frozen.

    Distributed training needs ``find_unused_parameters = True``.

    Acts in ``before_train`` and ``before_train_iter``.

    Args:
        trainable: Names of parts of the model, or of parameters, for example
            ``['caption_neck', 'caption_head.decoder']``.
        eval_others: Keep modules without a trainable parameter in evaluation
            mode: no dropout, and the statistics of batch normalisation stay.
    """

    def __init__(
        self, trainable: Sequence[str], eval_others: bool = True
    ) -> None:
        self.trainable = tuple(trainable)
        self.eval_others = eval_others
        self._frozen = []

    def before_train(self, runner: Runner) -> None:
        """Freeze.

        Raises:
            InputError: A name in `trainable` is of no parameter, or
                distributed training would wait for the frozen ones.
        """
        model = runner.model
        if is_model_wrapper(model):
            _check_wrapper(model)
            model = model.module
        names = [name for name, _ in model.named_parameters()]
        for prefix in self.trainable:
            if not any(_is_in(name, prefix) for name in names):
                parts = dict.fromkeys(name.split('.')[0] for name in names)
                raise InputError(
                    f'FreezeHook: trainable={prefix!r} names no part of the '
                    f'model; its parts are {", ".join(parts)}'
                )
        for name, parameter in model.named_parameters():
            if not self._trains(name):
                parameter.requires_grad_(False)
        if self.eval_others:
            self._frozen = list(self._find_frozen(model, ''))

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None
    ) -> None:
        """Undo what the loop's ``model.train()`` did to the frozen parts."""
        for module in self._frozen:
            if module.training:
                module.eval()

    def _trains(self, name: str) -> bool:
        return any(_is_in(name, prefix) for prefix in self.trainable)

    def _find_frozen(
        self, module: nn.Module, name: str
    ) -> Iterator[nn.Module]:
        """Yield the largest modules that neither are nor hold a part."""
        for child_name, child in module.named_children():
            path = f'{name}{child_name}'
            if self._trains(path):
                continue
            if any(_is_in(prefix, path) for prefix in self.trainable):
                yield from self._find_frozen(child, f'{path}.')
            else:
                yield child


def _is_in(name: str, part: str) -> bool:
    return name == part or name.startswith(f'{part}.')


def _check_wrapper(model: nn.Module) -> None:
    if getattr(model, 'find_unused_parameters', True):
        return
    raise InputError(
        'FreezeHook: distributed training waits for the gradients of the '
        'frozen parts; set find_unused_parameters = True in the config'
    )
