"""Prepares the OpenMMLab stack at ``import mmrs``."""


def setup_stack() -> None:
    """Install the import hooks of the stack layer."""
