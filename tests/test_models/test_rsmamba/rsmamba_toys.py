"""Small RSMambas for the tests of this folder."""

import torch

from mmrs.models.rsmamba import RSMamba

ARCH = dict(embed_dims=16, num_layers=3, feedforward_channels=32)


def build(**kwargs) -> RSMamba:
    """64 tokens from images of 32 px."""
    torch.manual_seed(0)
    settings = dict(
        arch=ARCH, img_size=32, patch_size=8, patch_cfg=dict(stride=4)
    )
    return RSMamba(**(settings | kwargs))


def images(num=2, height=32, width=32) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(num, 3, height, width, generator=generator)
