import pytest
import torch
from change_branch_toys import (
    DIMS,
    FUSED,
    NO_CHANGE_BRANCH,
    SMALL,
    build,
    lively,
    pair,
    samples,
)
from torch import nn

from mmrs.errors import InputError
from mmrs.models.backbones import MiTBackbone
from mmrs.models.pix4cap import (
    BTFMaskHead,
    CrossDateCaptionNeck,
    CrossDateMaskNeck,
    FusedSFA,
    PerDateSFA,
)
from mmrs.models.pix4cap.cross_date import CrossDate, CrossDateLayer
from mmrs.registry import MODELS

CHANGE_BRANCH = ('mask_neck', 'mask_head')


def millions(module):
    return sum(p.numel() for p in module.parameters()) / 1e6


def test_parameters_are_as_many_as_specified():
    with torch.device('meta'):
        head = BTFMaskHead()
        caption_neck = CrossDateCaptionNeck()
        parts = dict(
            backbone=MiTBackbone(),
            fusions=head.fusions,
            change_layers=CrossDateMaskNeck(),
            caption_layers=caption_neck.cross,
            sfa=PerDateSFA(),
        )
        decoding = millions(head) - millions(head.fusions)
    expected = dict(
        backbone=13.2,
        fusions=4.0,
        change_layers=6.3,
        caption_layers=18.9,
        sfa=1.84,
    )
    for name, part in parts.items():
        assert millions(part) == pytest.approx(expected[name], rel=0.01), name
    assert decoding == pytest.approx(0.75, rel=0.01)
    total = sum(map(millions, parts.values())) + decoding
    total += millions(caption_neck.positions)
    assert total == pytest.approx(45.0, rel=0.01)


def test_cross_layer_equals_its_definition():
    layer = CrossDateLayer(8, heads=2, hidden=16).eval()
    own, other = torch.randn(2, 1, 8, 3, 4)
    q, kv = (x.flatten(2).transpose(1, 2) for x in (own, other))
    weight, bias = layer.attn.in_proj_weight, layer.attn.in_proj_bias
    query, key, value = (
        x @ weight[8 * i : 8 * i + 8].T + bias[8 * i : 8 * i + 8]
        for i, x in enumerate((q, kv, kv))
    )
    heads = []
    for h in (0, 1):
        cut = slice(4 * h, 4 * h + 4)
        scores = query[..., cut] @ key[..., cut].transpose(1, 2) / 2
        heads.append(scores.softmax(-1) @ value[..., cut])
    y = layer.norm1(q + layer.attn.out_proj(torch.cat(heads, -1)))
    y = layer.norm2(y + layer.ffn(y)).transpose(1, 2).reshape(own.shape)
    torch.testing.assert_close(layer(own, other), y)


class Mix(nn.Module):
    def __init__(self, own, other):
        super().__init__()
        self.own, self.other = own, other

    def forward(self, own, other):
        return self.own * own + self.other * other


def test_both_dates_are_updated_from_old_values():
    cross = CrossDate(4, 0)
    pairs = [(Mix(2, 3), Mix(5, 7)), (Mix(1, -1), Mix(0.5, 2))]
    cross.layers = nn.ModuleList(map(nn.ModuleList, pairs))
    a, b = cross(torch.ones(1, 4, 2, 2), torch.full((1, 4, 2, 2), 10.0))
    assert a.unique().tolist() == [-25.0]
    assert b.unique().tolist() == [92.5]


def test_layers_may_be_those_of_mci():
    neck = CrossDateMaskNeck(layer='bi3', **SMALL)
    maps = (torch.randn(2, 4, 8, 8), torch.randn(2, 16, 4, 4))
    a, b = neck(maps, maps)
    assert a[0] is maps[0] and a[1].shape == b[1].shape == (2, 16, 4, 4)
    with pytest.raises(
        InputError, match="layer must be one of cross, bi3, got 'self'"
    ):
        CrossDate(16, 1, layer='self')


def test_decoder_of_masks_equals_its_definition():
    head = BTFMaskHead(DIMS, dims=8).eval()
    maps = [
        tuple(
            torch.randn(2, d, 8 // 2**k, 8 // 2**k) for k, d in enumerate(DIMS)
        )
        for _ in range(2)
    ]
    y = [fusion(a, b) for fusion, a, b in zip(head.fusions, *maps)]

    def up(x):
        return nn.functional.interpolate(x, scale_factor=2, mode='bilinear')

    x = head.smooth[3](y[3])
    for k in (2, 1, 0):
        x = head.smooth[k](y[k] + up(x))
    expected = head.classify(x)
    assert expected.shape == (2, 2, 32, 32)
    torch.testing.assert_close(head(*maps), expected)


def test_fusion_per_date_equals_its_definition():
    sfa = PerDateSFA(6, 4).eval()
    ca, cb = torch.randn(2, 1, 6, 3, 3)
    da, db = torch.randn(2, 1, 4, 3, 3)
    d = sfa.difference(da, db)
    ua, ub = sfa(ca, cb, da, db)
    expected = ca + sfa.fuse_a(torch.cat([ca, da, d], 1))
    torch.testing.assert_close(ua, expected)
    torch.testing.assert_close(ub, cb + sfa.fuse_b(torch.cat([cb, db, d], 1)))


def test_fusion_fits_maps_of_other_sizes():
    ca, cb = torch.randn(2, 2, 6, 4, 4)
    d = torch.randn(2, 4, 2, 2)
    assert PerDateSFA(6, 4)(ca, cb, d, d)[1].shape == cb.shape
    assert FusedSFA(6, 4)(ca, cb, d)[0].shape == ca.shape


VARIANTS = {
    'per_date': dict(),
    'fused': dict(sfa=FUSED),
    'none': dict(sfa=None),
    'no_branch': NO_CHANGE_BRANCH,
    'no_masks': dict(learn_masks=False),
    'mci_head': dict(
        mask_head=dict(type='MCIMaskHead', in_channels=DIMS, num_classes=2)
    ),
    'resnet': dict(
        backbone=dict(type='ResNetBackbone', depth=18, frozen_layers=-1),
        mask_neck=dict(type='CrossDateMaskNeck', in_channels=512, **SMALL),
        mask_head=dict(
            type='BTFMaskHead', in_channels=(64, 128, 256, 16), dims=8
        ),
        caption_neck=dict(
            type='CrossDateCaptionNeck', in_channels=512, **SMALL
        ),
    ),
    'pyramid': dict(
        backbone=dict(
            type='PyramidBackbone',
            backbone=dict(
                type='MiTBackbone',
                arch=dict(
                    dims=(4, 8, 12, 16), depths=(1,) * 4, heads=(1,) * 4
                ),
            ),
            in_channels=16,
            out_channels=(4, 8),
        ),
        mask_neck=dict(type='CrossDateMaskNeck', level=2, **SMALL),
        mask_head=dict(type='BTFMaskHead', in_channels=(4, 8, 16, 16), dims=8),
        caption_neck=dict(type='CrossDateCaptionNeck', level=2, **SMALL),
    ),
}


@pytest.mark.parametrize('size', [64, 96])
@pytest.mark.parametrize('name', VARIANTS)
def test_variants_train_and_predict(name, size):
    model = build(**VARIANTS[name])
    losses = model(pair(size=size), samples(size=size), 'loss')
    learns_masks = name not in ('no_branch', 'no_masks')
    assert 'loss_caption' in losses
    assert ('loss_mask' in losses) == learns_masks
    sum(v for k, v in losses.items() if 'loss' in k).backward()
    idle = {
        part.split('.')[0]
        for part, parameter in model.named_parameters()
        if parameter.grad is None
    }
    assert idle == ({'mask_head'} if name == 'no_masks' else set())
    predictions = model.eval()(pair(size=size), mode='predict')
    for sample in predictions:
        assert isinstance(sample.pred_ids, list)
        assert ('pred_mask' in sample) == learns_masks
    if learns_masks and name != 'pyramid':
        assert sample.pred_mask.shape == (size, size)


@pytest.mark.parametrize('size', [224, 256])
@torch.no_grad()
def test_shapes_at_full_size(size):
    outputs = build().eval()(pair(1, size))
    side = size // 32
    assert outputs['tokens'].shape == (1, side * side, 16)
    assert outputs['mask_logits'].shape == (1, 2, size, size)


def gradients_in_change_branch(model):
    losses = model(pair(), samples(), 'loss')
    losses['loss_caption'].backward()
    return [
        name
        for name, parameter in model.named_parameters()
        if name.startswith(CHANGE_BRANCH)
        and parameter.grad is not None
        and parameter.grad.any()
    ]


@pytest.mark.parametrize('sfa', ['PerDateSFA', 'FusedSFA'])
def test_captions_teach_the_change_branch_unless_detached(sfa):
    channels = 16 if sfa == 'PerDateSFA' else 8
    config = dict(type=sfa, dims=16, change_channels=channels)
    found = gradients_in_change_branch(build(sfa=config))
    assert any(name.startswith('mask_neck') for name in found)
    in_head = any(name.startswith('mask_head.fusions.3') for name in found)
    assert in_head == (sfa == 'FusedSFA')
    detached = build(sfa=dict(config, detach=True))
    assert gradients_in_change_branch(detached) == []


@torch.no_grad()
def test_without_fusion_captions_know_nothing_of_the_change_branch():
    def tokens_before_and_after(**kwargs):
        model = lively(**kwargs)
        before = model(pair())['tokens']
        for part in CHANGE_BRANCH:
            for parameter in getattr(model, part).parameters():
                parameter.add_(torch.rand_like(parameter))
        return before, model(pair())['tokens']

    before, after = tokens_before_and_after(sfa=None)
    assert torch.equal(before, after)
    for sfa in (dict(), dict(sfa=FUSED)):
        before, after = tokens_before_and_after(**sfa)
        assert not torch.allclose(before, after)


@pytest.mark.parametrize('name', ['per_date', 'fused', 'none', 'mci_head'])
@torch.no_grad()
def test_captions_are_the_same_without_masks(name):
    model = lively(**VARIANTS[name])
    calls = []
    model.mask_head.classify.register_forward_hook(
        lambda *args: calls.append(1)
    )
    without = model.predict(pair(), with_mask=False)
    assert not calls
    with_masks = model.predict(pair())
    assert calls
    for a, b in zip(without, with_masks):
        assert a.pred_ids == b.pred_ids
        assert a.pred_score == b.pred_score
        assert 'pred_mask' in b and 'pred_mask' not in a
    tokens = model.encode(pair(), with_mask=False)['tokens']
    assert torch.equal(tokens, model.encode(pair())['tokens'])


def test_each_level_is_fused_once_a_step():
    model = build(sfa=FUSED)
    model(pair(), samples(), 'loss')
    for fusion in model.mask_head.fusions:
        assert fusion.difference.norm.num_batches_tracked == 1


def test_fused_form_draws_the_masks_of_the_others():
    model, other = lively(sfa=FUSED), lively(sfa=None)
    weights = other.state_dict()
    model.load_state_dict(weights, strict=False)
    expected = other(pair())['mask_logits']
    torch.testing.assert_close(model(pair())['mask_logits'], expected)


def test_networks_that_learn_no_masks_keep_the_rest_of_the_branch():
    model = build(learn_masks=False)
    assert gradients_in_change_branch(model)
    assert 'mask_logits' not in model(pair())


def test_soft_labels_are_learnt():
    model = build().eval()
    hard, soft = samples(), samples()
    for sample in soft:
        sample.gt_mask_prob = sample.gt_mask.float()
    losses = [model(pair(), s, 'loss')['loss_mask'] for s in (hard, soft)]
    torch.testing.assert_close(*losses)
    soft[0].gt_mask_prob = soft[0].gt_mask_prob * 0.5
    assert model(pair(), soft, 'loss')['loss_mask'] != losses[0]


@pytest.mark.parametrize('name', ['mask_head', 'caption_head'])
def test_fusion_needs_both_branches(name):
    with pytest.raises(InputError, match=r'model\.sfa=None'):
        build(**{name: None})


def test_balancers_are_a_setting():
    model = build(loss_balancer=dict(type='StopGradNormalize'))
    losses = model(pair(), samples(), 'loss')
    assert losses['loss_caption'] == losses['loss_mask'] == 1
    assert losses['raw_mask'] != 1
    assert MODELS.get('StopGradNormalize') is type(model.loss_balancer)


def test_heads_that_do_not_divide_the_channels():
    with pytest.raises(InputError, match='heads'):
        CrossDateLayer(8, heads=3, hidden=16)
