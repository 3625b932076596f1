"""Freezing that holds."""

from torch import nn


def freeze(module: nn.Module) -> None:
    """Exclude `module` from training, for good.

    Its parameters need no gradient, and it stays in evaluation mode when a
    module above it is switched to training.
    """
    module.requires_grad_(False)
    module.eval()
    module.train = lambda mode=True: module
