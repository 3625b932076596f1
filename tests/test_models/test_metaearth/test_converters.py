"""The converter against networks under the names of guided-diffusion."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mmrs.errors import InputError
from mmrs.models.metaearth import ResolutionUNet, RRDBEncoder
from mmrs.models.metaearth.converters import (
    convert_released,
    convert_rrdbnet,
    convert_unet,
)
from mmrs.models.metaearth.presets import _blocks
from mmrs.utils.checkpoint import read_checkpoint

HEAD = 4


class ResBlock(nn.Module):
    def __init__(self, inputs, outputs, embed, resample=None):
        super().__init__()
        self.in_layers = nn.Sequential(
            nn.GroupNorm(4, inputs),
            nn.SiLU(),
            nn.Conv2d(inputs, outputs, 3, padding=1),
        )
        self.emb_layers = nn.Sequential(
            nn.SiLU(), nn.Linear(embed, 2 * outputs)
        )
        self.out_layers = nn.Sequential(
            nn.GroupNorm(4, outputs),
            nn.SiLU(),
            nn.Dropout(0),
            nn.Conv2d(outputs, outputs, 3, padding=1),
        )
        self.skip_connection = (
            nn.Identity()
            if inputs == outputs
            else nn.Conv2d(inputs, outputs, 1)
        )
        self.resample = resample or nn.Identity()

    def forward(self, x, embed):
        h = self.in_layers[2](self.resample(self.in_layers[:2](x)))
        x = self.resample(x)
        scale, shift = self.emb_layers(embed)[..., None, None].chunk(2, 1)
        h = self.out_layers[0](h) * (1 + scale) + shift
        return self.skip_connection(x) + self.out_layers[1:](h)


class AttentionBlock(nn.Module):
    def __init__(self, channels, order):
        super().__init__()
        self.norm = nn.GroupNorm(4, channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = nn.Conv1d(channels, channels, 1)
        self.order = order

    def forward(self, x, embed):
        b, c, h, w = x.shape
        flat = x.flatten(2)
        packed, heads = self.qkv(self.norm(flat)), c // HEAD
        if self.order == 'legacy':
            packed = packed.view(b, heads, 3, HEAD, h * w)
            q, k, v = packed.unbind(2)
        else:
            q, k, v = packed.view(b, 3, heads, HEAD, h * w).unbind(1)
        weights = torch.einsum('bhct,bhcs->bhts', q, k) / math.sqrt(HEAD)
        out = torch.einsum('bhts,bhcs->bhct', weights.softmax(-1), v)
        return (flat + self.proj_out(out.flatten(1, 2))).view(b, c, h, w)


class Down(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.op = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x, embed):
        return self.op(x)


class Up(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x, embed):
        return self.conv(F.interpolate(x, scale_factor=2))


class GuidedUNet(nn.Module):
    """Two levels, attention at the coarse one, one block a level."""

    def __init__(self, order, resnet, channels=(8, 16)):
        super().__init__()
        self.order, self.resnet = order, resnet
        fine, coarse = channels
        self.embed = 4 * fine
        self.time_embed = self._mlp(fine)
        self.res_embed = self._mlp(fine)
        self.input_blocks = nn.ModuleList(
            [
                nn.ModuleList([nn.Conv2d(7, fine, 3, padding=1)]),
                nn.ModuleList([self._res(fine, fine)]),
                nn.ModuleList([self._down(fine)]),
                nn.ModuleList([self._res(fine, coarse), self._att(coarse)]),
            ]
        )
        self.middle_block = nn.ModuleList(
            [
                self._res(coarse, coarse),
                self._att(coarse),
                self._res(coarse, coarse),
            ]
        )
        self.output_blocks = nn.ModuleList(
            [
                nn.ModuleList(
                    [self._res(2 * coarse, coarse), self._att(coarse)]
                ),
                nn.ModuleList(
                    [
                        self._res(coarse + fine, coarse),
                        self._att(coarse),
                        self._up(coarse),
                    ]
                ),
                nn.ModuleList([self._res(coarse + fine, fine)]),
                nn.ModuleList([self._res(2 * fine, fine)]),
            ]
        )
        self.out = nn.Sequential(
            nn.GroupNorm(4, fine), nn.SiLU(), nn.Conv2d(fine, 3, 3, padding=1)
        )

    def _mlp(self, width):
        return nn.Sequential(
            nn.Linear(width, self.embed),
            nn.SiLU(),
            nn.Linear(self.embed, self.embed),
        )

    def _res(self, inputs, outputs, resample=None):
        return ResBlock(inputs, outputs, self.embed, resample)

    def _att(self, channels):
        return AttentionBlock(channels, self.order)

    def _down(self, channels):
        if self.resnet:
            return self._res(channels, channels, nn.AvgPool2d(2))
        return Down(channels)

    def _up(self, channels):
        if self.resnet:
            up = nn.Upsample(scale_factor=2)
            return self._res(channels, channels, up)
        return Up(channels)

    def forward(self, x, t, resolution):
        def code(values):
            half = self.time_embed[0].in_features // 2
            angles = values[:, None] * 1e4 ** -(torch.arange(half) / half)
            return torch.cat([angles.cos(), angles.sin()], 1)

        embed = self.time_embed(code(t)) + self.res_embed(code(resolution))
        skips = [self.input_blocks[0][0](x)]
        for block in self.input_blocks[1:]:
            h = skips[-1]
            for layer in block:
                h = layer(h, embed)
            skips.append(h)
        for layer in self.middle_block:
            h = layer(h, embed)
        for block in self.output_blocks:
            h = torch.cat([h, skips.pop()], 1)
            for layer in block:
                h = layer(h, embed)
        return self.out(h)


def ours(resnet: bool) -> ResolutionUNet:
    resample = 'resnet' if resnet else 'conv'
    return ResolutionUNet(
        **_blocks(2, 1, resnet),
        in_channels=7,
        block_out_channels=(8, 16),
        layers_per_block=1,
        attention_head_dim=HEAD,
        norm_num_groups=4,
        attn_norm_num_groups=4,
        downsample_type=resample,
        upsample_type=resample,
    ).eval()


def outputs(theirs, network):
    x = torch.randn(2, 7, 8, 8)
    t = torch.tensor([17, 801])
    resolution = torch.tensor([4.0, 16.0])
    with torch.no_grad():
        return (
            theirs(x, t, resolution),
            network(x, t, class_labels=resolution).sample,
        )


@pytest.mark.parametrize('resnet', [False, True])
@pytest.mark.parametrize('order', ['legacy', 'new'])
def test_converted_unet_computes_the_same(order, resnet):
    torch.manual_seed(0)
    theirs, network = GuidedUNet(order, resnet).eval(), ours(resnet)
    weights = convert_unet(theirs.state_dict(), order, HEAD)
    network.load_state_dict(weights)
    expected, got = outputs(theirs, network)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)


def test_the_wrong_order_loads_and_differs():
    torch.manual_seed(0)
    theirs, network = GuidedUNet('legacy', False).eval(), ours(False)
    network.load_state_dict(convert_unet(theirs.state_dict(), 'new', HEAD))
    expected, got = outputs(theirs, network)
    assert (got - expected).abs().max() > 1e-3


def test_prefix_of_ldm_is_known():
    weights = GuidedUNet('legacy', False).state_dict()
    ldm = {f'model.diffusion_model.{k}': v for k, v in weights.items()}
    converted = convert_released(ldm, head_dim=HEAD)
    expected = convert_unet(weights, head_dim=HEAD)
    assert converted.keys() == {f'unet.{name}' for name in expected}
    for name, weight in expected.items():
        assert torch.equal(converted[f'unet.{name}'], weight)


def test_left_over_names_are_refused():
    weights = GuidedUNet('legacy', False).state_dict()
    with pytest.raises(InputError, match='label_emb.weight is no weight'):
        convert_unet(
            weights | {'label_emb.weight': torch.ones(2, 2)}, head_dim=HEAD
        )
    more = {'other.0.weight': torch.ones(1)}
    with pytest.raises(InputError, match='other, res_embed: several MLPs'):
        convert_unet(weights | more)


def test_arguments_of_attention_are_checked():
    weights = GuidedUNet('legacy', False).state_dict()
    with pytest.raises(InputError, match="qkv_order='old'"):
        convert_unet(weights, 'old')
    with pytest.raises(InputError, match='16 channels are no multiple'):
        convert_unet(weights, head_dim=64)


def old_name(name: str) -> str:
    """Name of a weight in ESRGAN's first code."""
    name = name.replace('conv_body', 'trunk_conv').replace(
        'body.', 'RRDB_trunk.'
    )
    name = name.replace('.rdb', '.RDB').replace('conv_up', 'upconv')
    return name.replace('conv_hr', 'HRconv')


@pytest.mark.parametrize('rename', [str, old_name])
def test_rrdbnet_loads_whole(rename):
    encoder = RRDBEncoder(
        num_feat=4, num_block=2, num_grow_ch=2, with_conv_last=True
    )
    weights = encoder.state_dict()
    renamed = {rename(name): value for name, value in weights.items()}
    converted = convert_rrdbnet(renamed)
    assert converted.keys() == weights.keys()
    assert all(torch.equal(converted[k], weights[k]) for k in weights)
    x = torch.randn(1, 3, 4, 4)
    assert encoder.to_image(encoder(x)).shape == (1, 3, 16, 16)


def test_file_of_basicsr_becomes_part_of_the_model(tmp_path):
    encoder = RRDBEncoder(num_feat=4, num_block=1, num_grow_ch=2)
    averaged = encoder.state_dict()
    plain = {name: value + 1 for name, value in averaged.items()}
    path = tmp_path / 'RealESRGAN_x4plus.pth'
    torch.save(dict(params=plain, params_ema=averaged), path)
    converted = convert_released(read_checkpoint(str(path))['state_dict'])
    assert all(
        torch.equal(converted[f'lr_encoder.{k}'], v)
        for k, v in averaged.items()
    )
    assert len(converted) == len(averaged)


def test_other_networks_are_no_rrdbnet():
    with pytest.raises(InputError, match='layer1.weight is no weight of an R'):
        convert_rrdbnet({'layer1.weight': torch.ones(1)})
