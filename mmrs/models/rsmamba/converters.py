"""From the authors' checkpoints to ours: the names are the same."""

import re
from typing import NamedTuple

from torch import Tensor

from mmrs.errors import InputError

from .archs import ARCHS, RSMambaArch

StateDict = dict[str, Tensor]

# The record of the grid is of our own files. `frg.`: the gates of a second
# network with the same other weights, as the parity file of this method holds
# them.
_KNOWN = re.compile(
    r'head\.fc\.(weight|bias)'
    r'|(backbone\.)?(pos_embed(_grid)?|cls_token'
    r'|patch_embed\.projection\.weight'
    r'|(pre_norm|ln1|ln2)\.(weight|bias)'
    r'|layers\.\d+\.(A_log|D|(in|x|out)_proj\.weight'
    r'|(conv1d|dt_proj)\.(weight|bias))'
    r'|(frg\.)?gate_layers\.\d+\.0\.weight)'
)


def convert_released(state_dict: StateDict) -> StateDict:
    """Check that a state dict is one of the authors' RSMamba.

    Args:
        state_dict: Of the classifier, or of its backbone alone.

    Returns:
        The same tensors under the same names.

    Raises:
        InputError: A name is none of RSMamba's, or blocks are missing.
    """
    unknown = [name for name in state_dict if not _KNOWN.fullmatch(name)]
    if unknown:
        raise InputError(
            f'{len(unknown)} of {len(state_dict)} names are not of an '
            f'RSMamba of its authors, first: {unknown[0]}'
        )
    infer_arch(state_dict)
    return dict(state_dict)


class ReleasedSizes(NamedTuple):
    """What the shapes of a state dict say of its network.

    Attributes:
        arch: Sizes of the network.
        arch_name: ``'s'`` ... ``'h'``, or None for sizes of no name.
        num_classes: None without the classifier's head.
        img_tokens: Tokens that have a position, class tokens too; None
            without learnt positions.
        cls_tokens: Number of class tokens.
        gate_paths: Paths that the gates weigh; None without gates.
        patch_size: (height, width) of a patch.
        in_channels: Bands of the image.
    """

    arch: RSMambaArch
    arch_name: str | None
    num_classes: int | None
    img_tokens: int | None
    cls_tokens: int
    gate_paths: int | None
    patch_size: tuple[int, int]
    in_channels: int


def infer_arch(state_dict: StateDict) -> ReleasedSizes:
    """Read the sizes of an RSMamba off its weights.

    Raises:
        InputError: Weights without which there is no RSMamba are missing.
    """
    shapes = {
        name.removeprefix('backbone.'): tuple(value.shape)
        for name, value in state_dict.items()
    }
    blocks = {
        int(name.split('.')[1])
        for name in shapes
        if name.startswith('layers.')
    }
    needed = ['patch_embed.projection.weight', 'layers.0.A_log']
    missing = [name for name in needed if name not in shapes]
    missing += [
        f'layers.{block}.A_log' for block in set(range(len(blocks))) - blocks
    ]
    if missing:
        raise InputError(
            f'the weights are no RSMamba: {missing[0]} is missing'
        )

    def size(name: str, axis: int) -> int | None:
        return shapes[name][axis] if name in shapes else None

    dims, in_channels, *patch_size = shapes[needed[0]]
    arch = RSMambaArch(dims, len(blocks), shapes[needed[1]][0])
    names = [name for name, sizes in ARCHS.items() if sizes == arch]
    return ReleasedSizes(
        arch,
        names[0] if names else None,
        size('head.fc.weight', 0),
        size('pos_embed', 1),
        size('cls_token', 1) or 0,
        size('gate_layers.0.0.weight', 0),
        tuple(patch_size),
        in_channels,
    )


def describe(state_dict: StateDict) -> dict:
    """Return the sizes of `infer_arch` as plain data, for a checkpoint."""
    sizes = infer_arch(state_dict)
    return sizes._asdict() | dict(arch=sizes.arch._asdict())
