"""Small models of two branches, for the tests of this folder."""

import torch

from mmrs.registry import MODELS
from mmrs.structures import ChangeDataSample

DIMS = (4, 8, 12, 16)
SMALL = dict(dims=16, heads=2, hidden=32)


def model_config(**kwargs) -> dict:
    """A Pix4Cap of 16 channels and 9 words."""
    config = dict(
        type='Pix4Cap',
        backbone=dict(
            type='MiTBackbone',
            arch=dict(dims=DIMS, depths=(1,) * 4, heads=(1, 2, 2, 4)),
        ),
        mask_neck=dict(type='CrossDateMaskNeck', **SMALL),
        mask_head=dict(type='BTFMaskHead', in_channels=DIMS, dims=8),
        caption_neck=dict(type='CrossDateCaptionNeck', num_layers=2, **SMALL),
        sfa=dict(type='PerDateSFA', dims=16, change_channels=16),
        caption_head=dict(
            type='CaptionHead',
            decoder=dict(
                type='TransformerCaptionDecoder', embed_dims=16, heads=2
            ),
            num_words=9,
            max_length=6,
        ),
    )
    return config | kwargs


FUSED = dict(type='FusedSFA', dims=16, change_channels=8)
NO_CHANGE_BRANCH = dict(sfa=None, mask_neck=None, mask_head=None)


def build(**kwargs):
    torch.manual_seed(0)
    return MODELS.build(model_config(**kwargs))


def lively(**kwargs):
    """A model whose captions depend on all that it sees."""
    model = build(**kwargs).eval()
    with torch.no_grad():
        for tensor in model.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(torch.randn_like(tensor).abs() * 0.1)
    return model


def pair(num=2, size=64):
    generator = torch.Generator().manual_seed(1)
    a, b = torch.randn(2, num, 3, size, size, generator=generator)
    return dict(img_a=a, img_b=b)


def samples(num=2, size=64):
    generator = torch.Generator().manual_seed(2)
    result = []
    for _ in range(num):
        sample = ChangeDataSample()
        sample.gt_ids = torch.tensor([2, 4, 5, 3])
        sample.gt_mask = torch.randint(2, (size, size), generator=generator)
        result.append(sample)
    return result
