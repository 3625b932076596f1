"""Stops a training run whose loss is no number any more."""

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmrs.errors import InputError
from mmrs.registry import HOOKS


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Stop when the loss was NaN or infinite several times in a row.

    A single bad step is survived: the gradient scaler of fp16 skips it. A
    loss that stays NaN has destroyed the weights, and a model trained on
    predicts nothing. Acts in ``after_train_iter``.

    Args:
        patience: Number of bad iterations in a row that stops the run.
    """

    def __init__(self, patience: int = 3) -> None:
        self.patience = patience
        self.bad_iterations = 0

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        """Count, and raise an InputError that names the bad terms."""
        if outputs['loss'].isfinite():
            self.bad_iterations = 0
            return
        self.bad_iterations += 1
        if self.bad_iterations < self.patience:
            return
        terms = ', '.join(
            f'{name}={value.item()}'
            for name, value in outputs.items()
            if 'loss' in name and not value.isfinite()
        )
        raise InputError(
            f'the loss was not finite in {self.patience} iterations in a '
            f'row, up to iteration {runner.iter + 1}: {terms}; lower '
            'optim_wrapper.optimizer.lr, set optim_wrapper.clip_grad, or '
            'train in bf16 or fp32 instead of fp16'
        )
