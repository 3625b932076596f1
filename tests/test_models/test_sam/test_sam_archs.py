import pytest
import torch
from segment_anything import sam_model_registry
from torch import nn

from mmrs.errors import InputError
from mmrs.models.sam import SAM_ARCHS, RSSamModel, SamArch, get_arch


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    ('name', 'tensors', 'encoder', 'total'),
    [
        ('vit_b', 314, 89_670_912, 93_735_472),
        ('vit_l', 482, 308_278_272, 312_342_832),
        ('vit_h', 594, 637_026_048, 641_090_608),
    ],
)
def test_sizes_and_names_are_the_official_ones(name, tensors, encoder, total):
    with torch.device('meta'):
        ours = RSSamModel(name)
        official = sam_model_registry[name]()
    assert count(ours.image_encoder) == encoder
    assert count(ours.prompt_encoder) == 6_220
    assert count(ours.mask_decoder) == 4_058_340
    assert count(ours) == total
    shapes = {k: v.shape for k, v in ours.state_dict().items()}
    assert len(shapes) == tensors
    assert shapes == {k: v.shape for k, v in official.state_dict().items()}


def test_arch_from_name_dict_or_itself():
    tiny = SAM_ARCHS['vit_tiny']
    assert get_arch('vit_tiny') is tiny
    assert get_arch(tiny) is tiny
    assert get_arch(
        dict(embed_dim=8, depth=1, num_heads=2, global_attn_indexes=[0])
    ) == SamArch(8, 1, 2, (0,))


@pytest.mark.parametrize(
    ('arch', 'message'),
    [
        ('vit_g', "sam_arch='vit_g' is unknown: use one of vit_b, vit_l"),
        (dict(width=8), r"unknown sizes \['width'\]: the known ones are"),
    ],
)
def test_unknown_arch_is_an_input_error(arch, message):
    with pytest.raises(InputError, match=message):
        get_arch(arch)
