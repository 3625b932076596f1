"""Attention heads that share the channels."""

from mmrs.errors import InputError


def check_heads(heads: int, dims: int) -> None:
    """Check that heads divide the channels among them.

    Raises:
        InputError: They do not.
    """
    if heads < 1 or dims % heads:
        raise InputError(
            f'heads={heads} must be a number that divides the {dims} channels'
        )
