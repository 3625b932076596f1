import pytest
import torch
from torch import nn

from mmrs.models.change.layers import AxisPositions, DateMerger, KeepMaps
from mmrs.models.mci import BI3CaptionNeck, BI3MaskNeck

SMALL = dict(dims=8, num_layers=2, heads=2, hidden=16, position_size=4)


class Mix(nn.Module):
    """A stand-in for a layer: a known mixture of its inputs."""

    def __init__(self, own, other):
        super().__init__()
        self.own, self.other = own, other

    def forward(self, own, other):
        return self.own * own + self.other * other


def with_mixing_layers(neck):
    """Known layers, and no positions."""
    nn.init.zeros_(neck.positions.col)
    nn.init.zeros_(neck.positions.row)
    pairs = [(Mix(2, 3), Mix(5, 7)), (Mix(1, -1), Mix(0.5, 2))]
    neck.layers = nn.ModuleList(map(nn.ModuleList, pairs))
    return neck


def maps(value, dims=8):
    return (
        torch.full((1, 4, 8, 8), value),
        torch.full((1, dims, 4, 4), value),
    )


def test_caption_neck_updates_both_dates_from_old_values():
    neck = with_mixing_layers(BI3CaptionNeck(**SMALL))
    a, b = neck.interact(maps(1.0), maps(10.0))
    # 1, 10 -> 2 + 30, 50 + 7 -> 32 - 57, 28.5 + 64
    assert a.unique().tolist() == [-25.0]
    assert b.unique().tolist() == [92.5]


def test_mask_neck_updates_in_turn_and_adds():
    neck = with_mixing_layers(BI3MaskNeck(**SMALL))
    maps_a, maps_b = neck(maps(1.0), maps(10.0))
    # a = 2 + 30 + 1 = 33, b = 50 + 231 + 10 = 291
    # a = 33 - 291 + 33 = -225, b = 145.5 - 450 + 291 = -13.5
    assert maps_a[1].unique().tolist() == [-225.0]
    assert maps_b[1].unique().tolist() == [-13.5]
    assert maps_a[0].unique().tolist() == [1.0]
    assert maps_b[0].unique().tolist() == [10.0]


def test_positions_are_by_column_then_by_row():
    positions = AxisPositions(6, size=5)
    x = torch.zeros(1, 6, 4, 3)
    y = positions(x)
    for row in range(4):
        for col in range(3):
            expected = torch.cat([positions.col[col], positions.row[row]])
            assert torch.equal(y[0, :, row, col], expected)


def test_positions_of_larger_maps_are_interpolated():
    positions = AxisPositions(2, size=2)
    with torch.no_grad():
        positions.col[:] = torch.tensor([[0.0], [4.0]])
        positions.row[:] = torch.tensor([[10.0], [20.0]])
    y = positions(torch.zeros(1, 2, 2, 4))
    assert y[0, 0].tolist() == [[0.0, 1.0, 3.0, 4.0]] * 2
    assert y[0, 1].tolist() == [[10.0] * 4, [20.0] * 4]


@pytest.mark.parametrize('size', [(4, 4), (7, 3), (6, 9)])
def test_tokens_of_any_size(size):
    neck = BI3CaptionNeck(**SMALL)
    a, b = torch.randn(2, 2, 8, *size)
    tokens = neck((a,), (b,))
    assert tokens.shape == (2, size[0] * size[1], 8)


def test_merger_joins_dates_row_by_row():
    merger = DateMerger(4).eval()
    a, b = torch.randn(2, 1, 4, 2, 3)
    joined = merger.join(torch.cat([a, b], 1))
    expected = (joined + merger.bottleneck(joined)).clamp(min=0)
    tokens = merger(a, b)
    for row in range(2):
        for col in range(3):
            place = expected[0, :, row, col]
            torch.testing.assert_close(tokens[0, 3 * row + col], place)


def test_necks_start_as_xavier_and_the_merger_as_pytorch():
    torch.manual_seed(0)
    neck = BI3CaptionNeck(32, num_layers=1, heads=4, hidden=64)
    layer = neck.layers[0][0]
    bound = (6 / (64 + 32)) ** 0.5
    assert 0.9 * bound < layer.ffn[0].weight.abs().max() < bound
    # a depthwise kernel: 9 inputs, and 32 * 9 outputs as Xavier counts
    bound = (6 / (9 + 32 * 9)) ** 0.5
    assert 0.9 * bound < layer.enhance_own.square.weight.abs().max() < bound
    bound = 64**-0.5
    assert 0.9 * bound < neck.merge.join.weight.abs().max() < bound


def test_maps_can_be_kept():
    a, b = maps(1.0), maps(2.0)
    assert KeepMaps()(a, b) == (a, b)
