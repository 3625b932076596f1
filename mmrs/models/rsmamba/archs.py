"""Sizes of RSMamba."""

from typing import NamedTuple

from mmrs.errors import InputError


class RSMambaArch(NamedTuple):
    """Sizes of an RSMamba, by the authors' names.

    Attributes:
        embed_dims: Channels of the tokens.
        num_layers: Blocks.
        feedforward_channels: Channels of the scans.
    """

    embed_dims: int
    num_layers: int
    feedforward_channels: int


ARCHS = {
    's': RSMambaArch(192, 16, 384),  # in the authors' code alone
    'b': RSMambaArch(192, 24, 384),
    'l': RSMambaArch(256, 36, 512),
    'h': RSMambaArch(320, 48, 640),
}
_LONG = {'small': 's', 'base': 'b', 'large': 'l', 'huge': 'h'}


def get_arch(arch: str | dict | RSMambaArch) -> RSMambaArch:
    """Look up an architecture, or make one of a dict of its sizes.

    Raises:
        InputError: There is none of this name, or sizes are missing.
    """
    if isinstance(arch, RSMambaArch):
        return arch
    if isinstance(arch, str):
        name = _LONG.get(arch, arch)
        if name not in ARCHS:
            raise InputError(
                f'arch {arch!r} is none of {", ".join([*ARCHS, *_LONG])}; '
                'give one of them, or a dict of sizes'
            )
        return ARCHS[name]
    if set(arch) != set(RSMambaArch._fields):
        raise InputError(
            f'arch must have the keys {", ".join(RSMambaArch._fields)}, got '
            f'{", ".join(arch)}'
        )
    return RSMambaArch(**arch)
