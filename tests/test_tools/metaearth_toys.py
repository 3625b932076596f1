"""A pipeline of MetaEarth that is small enough for tests of the tools."""

import torch
from diffusers import DDIMScheduler

from mmrs.models.metaearth import (
    MetaEarthPipeline,
    ResolutionUNet,
    RRDBEncoder,
)


def toy_pipeline(transform: str = 'linear') -> MetaEarthPipeline:
    """Build one whose output depends on all of its inputs."""
    torch.manual_seed(0)
    unet = ResolutionUNet(
        sample_size=32,
        in_channels=7,
        block_out_channels=(8, 8),
        down_block_types=('DownBlock2D', 'AttnDownBlock2D'),
        up_block_types=('AttnUpBlock2D', 'UpBlock2D'),
        layers_per_block=1,
        attention_head_dim=8,
        norm_num_groups=4,
        attn_norm_num_groups=4,
        resolution_transform=transform,
    )
    with torch.no_grad():
        for weight in unet.parameters():
            weight.add_(torch.randn_like(weight) / 20)
    encoder = RRDBEncoder(num_feat=4, num_block=1, num_grow_ch=4)
    return MetaEarthPipeline(unet, encoder, DDIMScheduler())
