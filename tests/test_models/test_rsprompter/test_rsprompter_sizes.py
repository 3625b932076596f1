"""Parameter counts of the variants, against those of the authors' classes."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmrs.registry import MODELS

CONFIGS = Path(__file__).parents[3] / 'configs' / 'rsprompter'


def build(name, **overrides):
    cfg = Config.fromfile(next(CONFIGS.glob(name)))
    cfg.merge_from_dict(overrides)
    drop_checkpoints(cfg.model)
    init_default_scope('mmrs')
    with torch.device('meta'):
        return MODELS.build(cfg.model)


def drop_checkpoints(cfg):
    for key, value in cfg.items():
        if key in ('sam_checkpoint', 'init_cfg'):
            cfg[key] = None
        elif isinstance(value, dict):
            drop_checkpoints(value)


def count(module, trainable=False):
    return sum(
        p.numel()
        for p in module.parameters()
        if p.requires_grad or not trainable
    )


@pytest.mark.parametrize(
    'name, total, trainable',
    [
        ('rsprompter-anchor_sam-vit-b_*nwpu-*', 117_089_589, 27_418_677),
        ('rsprompter-anchor_sam-vit-l_*nwpu-*', 336_055_029, None),
        ('rsprompter-anchor_sam-vit-h_*nwpu-*', 665_139_829, None),
        ('rsprompter-anchor_sam-vit-b_*whu-*', 117_043_464, None),
        ('rsprompter-anchor_sam-vit-b-unfrozen*', 117_089_589, 117_089_589),
        ('rsprompter-query_sam-vit-b_*nwpu-*', 100_992_795, 11_321_883),
        ('rsprompter-query_sam-vit-l_*nwpu-*', 319_958_235, None),
        ('rsprompter-query_sam-vit-h_*nwpu-*', 649_043_035, None),
        ('rsprompter-query_sam-vit-b_*whu-*', 100_999_314, None),
        ('samseg-maskrcnn_sam-vit-b_*nwpu-*', 111_126_604, 21_455_692),
        ('samseg-mask2former_sam-vit-b_*nwpu-*', 112_180_331, 22_509_419),
        ('samdet_sam-vit-b_*nwpu-*', 135_129_778, 41_168_962),
    ],
)
def test_parameter_counts(name, total, trainable):
    model = build(name)
    assert count(model) == total
    if trainable is not None:
        assert count(model, trainable=True) == trainable


@pytest.mark.parametrize(
    'name, total, trainable',
    [
        ('rsprompter-anchor_sam-vit-b-lora*', 117_510_517, 30_231_669),
        ('rsprompter-query_sam-vit-b-lora*', 101_413_723, 14_134_875),
    ],
)
def test_parameter_counts_with_lora(name, total, trainable):
    pytest.importorskip('peft')
    model = build(name)
    assert count(model) == total
    assert count(model, trainable=True) == trainable
    assert (
        sum(p.numel() for n, p in model.named_parameters() if 'lora_' in n)
        == 589_824
    )


def test_parts_of_the_anchor_variant():
    model = build('rsprompter-anchor_sam-vit-b_*nwpu-*')
    assert count(model.neck.feature_aggregator) == 1_449_408
    assert count(model.neck.feature_spliter) == 2_839_104
    assert count(model.rpn_head) == 597_790
    assert count(model.roi_head.bbox_head) == 13_947_955
    head = model.roi_head.mask_head
    assert count(head) == 8_584_420
    assert count(head.mask_decoder) == 4_058_340
    assert count(head.point_emb) == 4_525_824
    assert len(model.state_dict()) == 500


def test_parts_of_the_query_variant():
    model = build('rsprompter-query_sam-vit-b_*nwpu-*')
    head = model.panoptic_head
    assert count(head.pixel_decoder) == 1_101_536
    assert count(head.transformer_decoder) == 1_587_712
    assert count(head.mask_embed) == 66_048
    assert count(head.point_emb) == 178_816
    assert count(head.sam_mask_embed) == 4_684
    assert count(head.cls_embed) == 17_931
    assert len(model.state_dict()) == 686


@pytest.mark.parametrize('size, total', [('l', 1_807_488), ('h', 2_144_512)])
def test_aggregator_of_larger_encoders(size, total):
    model = build(f'rsprompter-anchor_sam-vit-{size}_*nwpu-*')
    assert count(model.neck.feature_aggregator) == total
