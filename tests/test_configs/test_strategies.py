"""The parts for FSDP and DeepSpeed, inherited as their headers say."""

from pathlib import Path

import torch
from mmengine.config import Config

from mmrs.registry import FUNCTIONS, MODEL_WRAPPERS, STRATEGIES

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
METHOD = 'rsprompter-anchor_sam-vit-h_8xb2-300e_nwpu-1024x1024.py'


def inherit(tmp_path, strategy: str, more: str = '') -> Config:
    child = tmp_path / 'child.py'
    child.write_text(
        f'_base_ = [\n'
        f"    '{CONFIGS}/rsprompter/{METHOD}',\n"
        f"    '{CONFIGS}/_base_/strategies/{strategy}.py',\n"
        f']\n{more}'
    )
    return Config.fromfile(child)


def test_fsdp_saves_whole_checkpoints(tmp_path):
    cfg = inherit(tmp_path, 'fsdp')
    assert cfg.runner_type == 'FlexibleRunner'
    strategy = STRATEGIES.build(dict(cfg.strategy, work_dir=str(tmp_path)))
    full = torch.distributed.fsdp.StateDictType.FULL_STATE_DICT
    assert strategy.state_dict_type == full
    assert MODEL_WRAPPERS.get(strategy.model_wrapper.type)
    policy = FUNCTIONS.get(strategy.model_wrapper.auto_wrap_policy.type)
    assert policy is torch.distributed.fsdp.wrap.size_based_auto_wrap_policy


def test_deepspeed_takes_the_place_of_the_optimizer_wrapper(tmp_path):
    header = (CONFIGS / '_base_/strategies/deepspeed-zero2.py').read_text()
    lines = header.splitlines()
    start = lines.index('#   optim_wrapper = dict(')
    example = [line.removeprefix('#   ') for line in lines[start : start + 5]]
    cfg = inherit(tmp_path, 'deepspeed-zero2', '\n'.join(example))
    assert cfg.runner_type == 'FlexibleRunner'
    assert cfg.strategy.zero_optimization.stage == 2
    assert set(cfg.optim_wrapper) == {'type', 'optimizer'}
    assert cfg.optim_wrapper.type == 'DeepSpeedOptimWrapper'
