"""From the output of a prompt head to prompt points for SAM."""

import torch
from torch import Tensor


def prompt_width(channels: int, num_points: int, with_sincos: bool) -> int:
    """Numbers a head must give for one object, see `to_prompts`."""
    return channels * num_points * (2 if with_sincos else 1)


def to_prompts(
    embedding: Tensor, num_points: int, with_sincos: bool
) -> Tensor:
    """Turn the output of a prompt head into embeddings of prompt points.

    SAM's own sparse prompts are sines, so the head gives two numbers a
    channel: one goes through a sine, the other is added.

    Args:
        embedding: (..., K * C * 2), or (..., K * C) without sines.
        num_points: Points K of an object.
        with_sincos: Whether half the numbers go through a sine.

    Returns:
        (..., K, C).
    """
    prompts = embedding.unflatten(-1, (num_points, -1))
    if with_sincos:
        prompts = torch.sin(prompts[..., ::2]) + prompts[..., 1::2]
    return prompts
