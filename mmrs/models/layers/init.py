"""Initialisation of weights."""

from torch import nn


def init_xavier(module: nn.Module) -> None:
    """Draw all parameters of two dimensions or more as Xavier does."""
    for parameter in module.parameters():
        if parameter.ndim > 1:
            nn.init.xavier_uniform_(parameter)
