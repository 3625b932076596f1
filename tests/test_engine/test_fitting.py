"""Pretrained weights meet other bands, classes, grids and wrappings."""

import logging

import pytest
import torch
from torch import nn

from mmrs.engine import fitting
from mmrs.engine.fitting import fit_weights, inflate
from mmrs.errors import InputError


class Network(nn.Module):
    """A convolution, positions and scores of classes."""

    def __init__(self, bands=3, classes=4, grid=(4, 4), offsets=7, width=6):
        super().__init__()
        self.stem = nn.Conv2d(bands, width, 3)
        self.pos_embed = nn.Parameter(torch.randn(1, *grid, width))
        self.rel_pos_h = nn.Parameter(torch.randn(offsets, 2))
        self.body = nn.Conv2d(width, width, 1)
        self.scores = nn.Linear(width, classes)


class Pair(nn.Module):
    """A network and its teacher, which is made after it."""

    def __init__(self, **sizes):
        super().__init__()
        self.student = Network(**sizes)
        self.teacher = Network(**sizes)


@pytest.fixture
def log(monkeypatch):
    """What is logged, as pairs of level and text."""
    lines = []
    monkeypatch.setattr(
        fitting,
        'print_log',
        lambda text, logger, level: lines.append((level, text)),
    )
    return lines


def test_equal_bands_give_what_they_gave():
    weight = torch.randn(5, 3, 7, 7)
    wide = inflate(weight, 6)
    assert wide.shape == (5, 6, 7, 7)
    grey = torch.randn(1, 1, 9, 9)
    expected = torch.conv2d(grey.expand(1, 3, 9, 9), weight)
    got = torch.conv2d(grey.expand(1, 6, 9, 9), wide)
    assert torch.allclose(got, expected, atol=1e-5)


def test_fitting_weights_stay_as_they_are(log):
    weights = Network().state_dict()
    fitted = fit_weights(weights, Network())
    assert fitted.keys() == weights.keys()
    assert all(torch.equal(fitted[k], weights[k]) for k in weights)
    assert log == []


def test_every_change_is_in_the_log(log):
    weights = Network().state_dict()
    model = Network(bands=5, classes=2, grid=(2, 8), offsets=15)
    fitted = fit_weights(weights, model)
    missing, unexpected = model.load_state_dict(fitted, strict=False)
    assert missing == ['scores.weight', 'scores.bias'] and not unexpected
    torch.testing.assert_close(
        fitted['stem.weight'].sum(1), weights['stem.weight'].sum(1)
    )
    table = weights['pos_embed'].permute(0, 3, 1, 2)
    resized = nn.functional.interpolate(table, (2, 8), mode='bicubic')
    torch.testing.assert_close(
        fitted['pos_embed'], resized.permute(0, 2, 3, 1)
    )
    ends = fitted['rel_pos_h'][[0, 7, 14]], weights['rel_pos_h'][[0, 3, 6]]
    torch.testing.assert_close(*ends)
    assert log == [
        (
            logging.INFO,
            'The first layer is inflated to other bands: '
            'stem.weight (6, 3, 3, 3) -> (6, 5, 3, 3)',
        ),
        (
            logging.INFO,
            'Positions are interpolated to another grid: '
            'pos_embed (1, 4, 4, 6) -> (1, 2, 8, 6), '
            'rel_pos_h (7, 2) -> (15, 2)',
        ),
        (
            logging.WARNING,
            'These give other classes or words, and begin untrained: '
            'scores.weight (4, 6) -> (2, 6), scores.bias (4,) -> (2,)',
        ),
    ]


@pytest.mark.parametrize(
    ('select', 'prefix'), [('', 'student.'), ('body.', 'student.body.')]
)
def test_weights_find_their_place(log, select, prefix):
    weights = {
        'module.' + name.removeprefix(select): value
        for name, value in Network().state_dict().items()
        if name.startswith(select)
    } | {'epoch': 3}
    fitted = fit_weights(weights, Pair())
    assert list(fitted) == [
        name.replace('module.', prefix) for name in weights if name != 'epoch'
    ]
    place = prefix.rstrip('.')
    assert log == [
        (logging.INFO, f'The weights are loaded into this part: {place}')
    ]


def test_another_width_is_refused():
    with pytest.raises(InputError, match='is .* of another architecture'):
        fit_weights(Network().state_dict(), Network(width=8))


def test_inputs_of_an_inner_layer_are_not_bands():
    weights = Network().state_dict()
    weights['body.weight'] = torch.zeros(6, 3, 1, 1)
    with pytest.raises(InputError, match=r'body.weight is \(6, 3, 1, 1\) in'):
        fit_weights(weights, Network())


def test_rows_of_a_table_are_not_classes():
    class Words(nn.Module):
        def __init__(self, length):
            super().__init__()
            self.position_embedding = nn.Embedding(length, 4)

    with pytest.raises(InputError, match='position_embedding.weight is'):
        fit_weights(Words(5).state_dict(), Words(7))


def test_a_module_that_fits_its_table_is_left_to_it():
    class Fitting(Network):
        def _load_from_state_dict(self, state_dict, prefix, *args):
            name = prefix + 'pos_embed'
            state_dict[name] = state_dict[name][:, :2]
            super()._load_from_state_dict(state_dict, prefix, *args)

    weights = Network().state_dict()
    weights['pos_embed'] = torch.ones(1, 16, 6)
    fitted = fit_weights(weights, Fitting())
    assert fitted['pos_embed'] is weights['pos_embed']
    with pytest.raises(InputError, match='pos_embed is'):
        fit_weights(weights, Network())


def test_another_model_is_refused():
    with pytest.raises(
        InputError,
        match=r'none of the 1 weights .* \(first: far.away\) is one of the '
        r'model \(first: pos_embed\)',
    ):
        fit_weights({'far.away': torch.ones(1)}, Network())
