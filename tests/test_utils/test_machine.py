import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS

from mmrs.errors import InputError
from mmrs.utils.machine import fit_to_machine, scale_learning_rate, use_amp


def make_config(**settings) -> Config:
    optimizer = dict(type='SGD', lr=0.1)
    wrapper = dict(type='OptimWrapper', optimizer=optimizer)
    return Config(dict(launcher='none', optim_wrapper=wrapper) | settings)


@pytest.fixture
def on_cpu(monkeypatch):
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)


@pytest.fixture
def on_gpu(monkeypatch):
    monkeypatch.setattr('torch.cuda.is_available', lambda: True)


@pytest.mark.parametrize('precision', ['bf16', 'fp16'])
def test_amp_becomes_fp32_on_a_cpu_with_a_warning(on_cpu, precision, caplog):
    cfg = make_config()
    use_amp(cfg, precision)
    MMLogger.get_current_instance().addHandler(caplog.handler)
    fit_to_machine(cfg)
    assert 'training in fp32' in caplog.text
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=0.1)
    wrapper = dict(cfg.optim_wrapper, optimizer=optimizer)
    assert type(OPTIM_WRAPPERS.build(wrapper)) is OptimWrapper


def test_config_with_amp_of_its_own_trains_on_a_cpu(on_cpu):
    cfg = make_config(
        optim_wrapper=dict(type='AmpOptimWrapper', loss_scale=512.0)
    )
    fit_to_machine(cfg)
    assert cfg.optim_wrapper == dict(type='OptimWrapper')


def test_amp_stays_on_a_gpu(on_gpu):
    cfg = make_config()
    use_amp(cfg, 'bf16')
    fit_to_machine(cfg)
    assert cfg.optim_wrapper.type == 'AmpOptimWrapper'
    assert cfg.optim_wrapper.dtype == 'bfloat16'
    assert cfg.optim_wrapper.loss_scale == dict(enabled=False)


def test_amp_cannot_replace_another_wrapper():
    cfg = make_config(optim_wrapper=dict(type='DeepSpeedOptimWrapper'))
    with pytest.raises(InputError, match='type=DeepSpeedOptimWrapper'):
        use_amp(cfg, 'bf16')


def test_strategies_need_a_gpu(on_cpu):
    cfg = make_config(strategy=dict(type='FSDPStrategy'))
    with pytest.raises(InputError, match='strategy.type=FSDPStrategy'):
        fit_to_machine(cfg)


def test_learning_rate_is_scaled_where_the_config_allows():
    cfg = make_config(auto_scale_lr=dict(base_batch_size=16))
    scale_learning_rate(cfg)
    assert cfg.auto_scale_lr.enable
    with pytest.raises(InputError, match='auto_scale_lr.base_batch_size'):
        scale_learning_rate(make_config())
