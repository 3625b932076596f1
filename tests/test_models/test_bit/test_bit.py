import math
import re

import pytest
import torch
import torch.nn.functional as F
from change_branch_toys import pair, samples
from mmengine.registry import DefaultScope

from mmrs.errors import InputError
from mmrs.models.bit import BITHead
from mmrs.models.bit.bit_head import _Layer
from mmrs.models.bit.converters import convert_released
from mmrs.registry import MODELS

TEACHER = dict(
    type='ChangeInterpreter',
    backbone=dict(
        type='mmseg.ResNetV1c',
        depth=18,
        num_stages=3,
        out_indices=(2,),
        strides=(1, 2, 1),
        dilations=(1, 1, 1),
        norm_cfg=dict(type='BN'),
    ),
    mask_neck=dict(type='KeepMaps'),
    mask_head=dict(type='BITHead'),
)


@pytest.fixture(scope='module')
def teacher():
    torch.manual_seed(0)
    # A module's fixtures may come upon the scope of an earlier test.
    with DefaultScope.overwrite_default_scope('mmrs'):
        return MODELS.build(TEACHER)


def attention(layer, x, source):
    """Head by head; the scale is that of all channels."""
    heads = []
    size = layer.q.weight.shape[0] // layer.heads
    for h in range(layer.heads):
        rows = slice(h * size, (h + 1) * size)
        query = x @ layer.q.weight[rows].T
        key, value = (
            source @ part.weight[rows].T for part in (layer.k, layer.v)
        )
        scores = query @ key.transpose(1, 2) / math.sqrt(x.shape[2])
        heads.append(scores.softmax(-1) @ value)
    return layer.out(torch.cat(heads, -1))


def test_layers_equal_their_definition():
    layer = _Layer(8, heads=2, attention_dims=12, hidden=16)
    x = torch.randn(2, 5, 8)
    y = x + attention(layer, layer.norm1(x), layer.norm1(x))
    torch.testing.assert_close(layer(x), y + layer.ffn(layer.norm2(y)))
    layer = _Layer(8, heads=2, attention_dims=12, hidden=16, other=True)
    with torch.no_grad():
        layer.norm_other.weight.add_(1)
    tokens = torch.randn(2, 3, 8)
    y = x + attention(layer, layer.norm1(x), layer.norm_other(tokens))
    torch.testing.assert_close(layer(x, tokens), y + layer.ffn(layer.norm2(y)))


def test_head_equals_its_definition():
    head = BITHead(16, dims=8, num_tokens=3, heads=2, decoder_layers=2).eval()
    maps = torch.randn(2, 2, 16, 4, 4)
    pixels, tokens = [], []
    for x in maps:
        x = F.relu(head.reduce(F.interpolate(x, (8, 8), mode='bilinear')))
        share = F.relu(head.choose(x)).flatten(2).softmax(-1)
        tokens.append(torch.einsum('btn,bcn->btc', share, x.flatten(2)))
        pixels.append(x.flatten(2).transpose(1, 2))
    joined = head.encoder[0](torch.cat(tokens, 1) + head.positions)
    for i, own in enumerate((joined[:, :3], joined[:, 3:])):
        for layer in head.decoder:
            pixels[i] = layer(pixels[i], own)
    change = (pixels[0] - pixels[1]).abs().transpose(1, 2).reshape(2, 8, 8, 8)
    change = F.interpolate(change, (32, 32), mode='bilinear')
    expected = head.classify(change)  # enlarged before, here
    logits = head((maps[0],), (maps[1],))
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-5)


def test_dates_differ_in_the_positions_of_tokens_alone():
    head = BITHead(16, dims=8, num_tokens=3, heads=2, decoder_layers=2).eval()
    a, b = torch.randn(2, 1, 16, 4, 4)
    assert not torch.allclose(head((a,), (b,)), head((b,), (a,)))
    with torch.no_grad():
        head.positions[:, 3:] = head.positions[:, :3]
    torch.testing.assert_close(head((a,), (b,)), head((b,), (a,)))


def test_teacher_is_of_the_size_of_bit_r18(teacher):
    count = sum(p.numel() for p in teacher.parameters())
    assert count / 1e6 == pytest.approx(2.99, abs=0.005)
    maps = teacher.backbone(torch.randn(1, 3, 256, 256))
    assert [tuple(x.shape) for x in maps] == [(1, 256, 32, 32)]


def test_teacher_learns_and_predicts(teacher):
    losses = teacher.train()(pair(), samples(), 'loss')
    assert set(losses) == {'loss_mask', 'acc_pixel'}
    losses['loss_mask'].backward()
    assert teacher.backbone.stem[0].weight.grad.any()
    with torch.no_grad():
        (first, _) = teacher.eval()(pair(), mode='predict')
    assert first.pred_mask.shape == (64, 64)
    assert first.mask_scores.shape == (2, 64, 64)
    assert 'pred_ids' not in first


def of_open_cd(state_dict):
    """The names of Open-CD."""
    theirs = {}
    for name, value in state_dict.items():
        name = name.replace('mask_head.', 'decode_head.')
        if name.startswith('decode_head.'):
            name = name.replace('.reduce.', '.pre_process.1.conv.')
            name = name.replace('.choose.', '.conv_att.conv.')
            name = name.replace('.positions', '.enc_pos_embedding')
            name = name.replace('.classify.', '.conv_seg.')
            name = re.sub(r'(coder\.\d)\.([qkv])\.', r'\1.attn.to_\2.', name)
            name = name.replace('.out.', '.attn.fc_out.0.')
            name = name.replace('.ffn.0.', '.ff.0.')
            name = name.replace('.ffn.2.', '.ff.3.')
            name = name.replace('.norm_other.', '.norm1_.')
        theirs[name] = value
    return theirs


def test_checkpoints_of_open_cd_convert_whole(teacher):
    state_dict = teacher.state_dict()
    theirs = of_open_cd(state_dict)
    assert 'decode_head.decoder.7.norm1_.weight' in theirs
    assert theirs['decode_head.encoder.0.attn.fc_out.0.weight'].shape == (
        32,
        64,
    )
    converted = convert_released(theirs)
    assert converted.keys() == state_dict.keys()
    assert all(torch.equal(converted[k], v) for k, v in state_dict.items())


def test_wrong_checkpoints_are_refused(teacher):
    theirs = of_open_cd(teacher.state_dict())
    lost = 'decode_head.decoder.3.attn.to_v.weight'
    with pytest.raises(InputError, match=r'lacks our decoder\.3\.v\.weight'):
        convert_released({k: v for k, v in theirs.items() if k != lost})
    with pytest.raises(InputError, match='lacks our choose'):
        convert_released(
            {k: v for k, v in theirs.items() if 'conv_att' not in k}
        )
    for name in ('decode_head.neck.weight', 'neck.weight', 'conv_seg.bias'):
        with pytest.raises(InputError, match=f'{name} is no weight'):
            convert_released(theirs | {name: torch.ones(1)})
    with pytest.raises(InputError, match=r'decoder\.3\.v\.weight has the'):
        convert_released(theirs | {lost: torch.ones(8, 32)})
