"""Weights are fitted for training alone: what is tested must fit."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.runner.base_loop import BaseLoop
from torch import nn

from mmrs.engine import FitWeightsHook
from mmrs.errors import InputError


class Loop(BaseLoop):
    def __init__(self):
        pass

    def run(self):
        pass


class Backbone(nn.Module):
    """Its first convolution has the name of a ResNet's."""

    def __init__(self, bands):
        super().__init__()
        self.conv1 = nn.Conv2d(bands, 4, 3, bias=False)


def load(train_loop, checkpoint, resume=False):
    runner = SimpleNamespace(
        _train_loop=train_loop, _resume=resume, model=Backbone(5)
    )
    FitWeightsHook().after_load_checkpoint(runner, checkpoint)
    return checkpoint


def test_first_layer_is_inflated_for_training():
    weights = Backbone(3).state_dict()
    fitted = load(Loop(), dict(state_dict=weights))['state_dict']
    Backbone(5).load_state_dict(fitted)
    sums = fitted['conv1.weight'].sum(1), weights['conv1.weight'].sum(1)
    assert torch.allclose(*sums, atol=1e-6)


def test_a_bare_state_dict_will_do():
    checkpoint = load(Loop(), dict(Backbone(3).state_dict()))
    Backbone(5).load_state_dict(checkpoint['state_dict'])


def test_testing_leaves_a_checkpoint_as_it_is():
    weights = Backbone(3).state_dict()
    assert load(dict(), dict(state_dict=weights))['state_dict'] is weights


def test_resuming_takes_what_fits_alone():
    weights = Backbone(5).state_dict()
    resumed = load(Loop(), dict(state_dict=weights), resume=True)
    assert resumed['state_dict'] is weights
    with pytest.raises(InputError, match='to go on from .* 1 shapes differ'):
        load(Loop(), dict(Backbone(3).state_dict()), resume=True)


def test_a_file_without_weights_is_refused():
    with pytest.raises(InputError, match='the file holds no state dict'):
        load(Loop(), dict(epoch=3))
