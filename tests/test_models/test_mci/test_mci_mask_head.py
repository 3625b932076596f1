import pytest
import torch
import torch.nn.functional as F

from mmrs.models.backbones import MiTBackbone
from mmrs.models.change.layers import DateFusion
from mmrs.models.mci import MCIMaskHead

DIMS = (4, 6, 8)


def random_maps(size=8):
    return [
        tuple(
            torch.randn(2, dims, size // 2**k, size // 2**k)
            for k, dims in enumerate(DIMS)
        )
        for _ in range(2)
    ]


def test_fusion_equals_its_definition():
    fusion = DateFusion(4, 10).eval()
    a, b = torch.randn(2, 2, 4, 5, 5)
    cosine = (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))
    difference = fusion.difference
    dif = difference.norm(difference.conv(b - a)) + cosine[:, None]
    conv, norm, _, last = fusion.fuse
    expected = last(norm(conv(torch.cat([a, dif, b], 1))).clamp(min=0))
    torch.testing.assert_close(fusion(a, b), expected)


def test_equal_dates_differ_by_nothing():
    difference = DateFusion(4, 8).difference
    seen = []
    difference.conv.register_forward_hook(
        lambda module, inputs, output: seen.append(inputs[0])
    )
    a = torch.randn(2, 4, 5, 5)
    y = difference(a, a.clone())
    assert not seen[0].any()
    # The convolution's bias is all that the norm sees: it leaves zeros.
    torch.testing.assert_close(y, torch.ones_like(y))


def test_levels_are_added_from_the_last():
    head = MCIMaskHead(DIMS).eval()
    fused = [head.fuse(*random_maps(), k) for k in range(3)]
    x = head.ups[2](fused[2])
    x = head.ups[1](fused[1] + x)
    x = head.ups[0](fused[0] + x)
    torch.testing.assert_close(head.decode(fused), head.classify(x))
    assert head.classify(x).shape == (2, 3, 32, 32)
    assert head.fused_channels == [8, 12, 16]


@pytest.mark.parametrize('size', [32, 36, 50])
def test_scores_of_any_image_size(size):
    sizes = dict(dims=(4, 6, 8, 8), depths=(1,) * 4, heads=(1, 1, 2, 2))
    backbone, head = MiTBackbone(sizes), MCIMaskHead((4, 6, 8, 8), 5)
    a, b = torch.randn(2, 2, 3, size, size)
    logits = head(backbone(a), backbone(b))
    assert logits.shape == (2, 5, *[4 * -(-size // 4)] * 2)


def test_upsampling_convolutions_double():
    up = MCIMaskHead(DIMS).ups[1]
    weight = up[3].weight
    assert weight.shape == (12, 8, 4, 4)
    x = torch.randn(1, 12, 3, 3)
    expected = F.conv_transpose2d(x, weight, up[3].bias, 2, 1)
    torch.testing.assert_close(up[3](x), expected)
    assert expected.shape == (1, 8, 6, 6)
