"""Fits pretrained weights to another number of bands and of classes."""

import logging

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from mmrs.errors import InputError

__all__ = ['fit_weights', 'inflate']

# Names of the first convolution, from the backbone on.
FIRST_CONVS = (
    'layers.0.0.projection.weight',  # MiT
    'encoder.0.0.convs.0.conv.weight',  # UNet
    'learning_to_downsample.conv.conv.weight',  # FastSCNN
    'stem.0.weight',  # ResNet, deep stem
    'conv1.weight',  # ResNet
)
# Where the weights of a checkpoint may be found in a model.
PREFIXES = ('', 'backbone.', 'segmentor.', 'segmentor.backbone.')


def inflate(weight: Tensor, num_bands: int) -> Tensor:
    """Make a first convolution take another number of bands.

    Each band gets the mean over the input channels, times the old number of
    channels by the new one: an image of equal bands gives what it gave.

    Args:
        weight: (out, channels, kernel, kernel).
        num_bands: Bands of the new images.

    Returns:
        (out, num_bands, kernel, kernel).
    """
    channels = weight.shape[1]
    mean = weight.mean(1, keepdim=True) * (channels / num_bands)
    return mean.repeat(1, num_bands, 1, 1)


def fit_weights(weights: dict[str, Tensor], model: nn.Module) -> dict:
    """Fit a state dict to a model of other bands, classes or wrapping.

    Finds where in the model the weights belong (a backbone alone, a whole
    segmentor, a wrapped one), inflates the first convolution and drops the
    layers that give the class scores where their number of classes differs.
    Weights that the model does not have stay as they are.

    Args:
        weights: State dict of a checkpoint.
        model: That is to be loaded.

    Returns:
        A new state dict.

    Raises:
        InputError: Other shapes differ: it is another architecture.
    """
    wanted = model.state_dict()
    prefix = max(PREFIXES, key=lambda p: sum(p + k in wanted for k in weights))
    fitted, dropped = {}, []
    for name, value in weights.items():
        name = prefix + name
        if name not in wanted or wanted[name].shape == value.shape:
            fitted[name] = value
        elif name.endswith(FIRST_CONVS) and _fits(value, wanted[name]):
            fitted[name] = inflate(value, wanted[name].shape[1])
        elif 'conv_seg.' in name:
            dropped.append(name)
        else:
            raise InputError(
                f'load_from: {name} is {tuple(value.shape)} in the checkpoint '
                f'and {tuple(wanted[name].shape)} in the model; it is of '
                'another architecture'
            )
    if dropped:
        print_log(
            'The checkpoint has other classes; these begin untrained: '
            + ', '.join(dropped),
            logger='current',
            level=logging.WARNING,
        )
    return fitted


def _fits(weight: Tensor, wanted: Tensor) -> bool:
    """Whether shapes differ in the number of input channels alone."""
    shape = torch.Size([*weight.shape[:1], wanted.shape[1], *weight.shape[2:]])
    return shape == wanted.shape
