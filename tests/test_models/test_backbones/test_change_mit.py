import pytest
import torch

from mmrs.errors import InputError
from mmrs.models.backbones import (
    MiTBackbone,
    PyramidBackbone,
    ResNetBackbone,
)
from mmrs.models.backbones.mit import ARCHS, get_arch
from mmrs.models.backbones.mit_names import convert_mit
from mmrs.registry import MODELS

TINY = dict(dims=(8, 16, 40, 64), depths=(1, 2, 1, 2))


def shaken(model):
    """Weights that are none of a new network."""
    torch.manual_seed(0)
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return model.eval()


def of_mmseg():
    from mmseg.models.backbones.mit import MixVisionTransformer

    model = MixVisionTransformer(
        embed_dims=8, num_heads=[1, 2, 5, 8], num_layers=[1, 2, 1, 2]
    )
    for name, module in model.named_modules():
        if name.endswith(('0.norm', 'attn.norm')):
            module.eps = 1e-5
    return shaken(model)


def of_transformers():
    from transformers import SegformerConfig, SegformerModel

    config = SegformerConfig(
        hidden_sizes=[8, 16, 40, 64],
        depths=[1, 2, 1, 2],
        num_attention_heads=[1, 2, 5, 8],
    )
    model = SegformerModel(config)
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.LayerNorm):
            inner = 'patch_embeddings' in name or 'self' in name
            module.eps = 1e-5 if inner else 1e-6
    return shaken(model)


def test_maps_equal_those_of_mmseg():
    theirs, ours = of_mmseg(), MiTBackbone(TINY).eval()
    state_dict = {f'backbone.{k}': v for k, v in theirs.state_dict().items()}
    state_dict['decode_head.conv_seg.weight'] = torch.ones(2)
    ours.load_state_dict(convert_mit(state_dict))
    image = torch.randn(2, 3, 64, 96)
    for a, b in zip(ours(image), theirs(image)):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('source', ['memory', 'file'])
def test_maps_equal_those_of_transformers(source, tmp_path):
    from safetensors.torch import load_file

    theirs, ours = of_transformers(), MiTBackbone(TINY).eval()
    state_dict = theirs.state_dict()
    if source == 'file':  # the names differ from version 5 on
        theirs.save_pretrained(tmp_path)
        state_dict = load_file(tmp_path / 'model.safetensors')
    state_dict = {f'segformer.{k}': v for k, v in state_dict.items()}
    ours.load_state_dict(convert_mit(state_dict))
    image = torch.randn(2, 3, 64, 96)
    expected = theirs(image, output_hidden_states=True).hidden_states
    for a, b in zip(ours(image), expected):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def authors_name(name):
    stage, rest = name.removeprefix('stages.').split('.', 1)
    stage = int(stage) + 1
    rest = rest.replace('mlp.conv', 'mlp.dwconv.dwconv')
    for ours, theirs in (
        ('blocks.', f'block{stage}.'),
        ('embed.', f'patch_embed{stage}.'),
        ('norm.', f'norm{stage}.'),
    ):
        if rest.startswith(ours):
            return rest.replace(ours, theirs, 1)
    raise AssertionError(name)


def test_training_starts_from_the_authors_file(tmp_path):
    source = shaken(MiTBackbone(TINY)).state_dict()
    weights = {authors_name(name): value for name, value in source.items()}
    weights['head.weight'] = torch.ones(1000, 64)
    torch.save(weights, tmp_path / 'mit.pth')
    model = MiTBackbone(TINY, pretrained=str(tmp_path / 'mit.pth'))
    model.init_weights()
    for name, value in model.state_dict().items():
        assert torch.equal(value, source[name])


def test_files_of_other_networks_are_refused(tmp_path):
    with pytest.raises(InputError, match='1 of 2 names .*: layer1.weight'):
        convert_mit({'layer1.weight': 0, 'head.weight': 0})
    weights = shaken(MiTBackbone(TINY)).state_dict()
    torch.save(weights, tmp_path / 'mit.pth')
    wider = dict(TINY, dims=(16, 32, 80, 128))
    model = MiTBackbone(wider, pretrained=str(tmp_path / 'mit.pth'))
    with pytest.raises(InputError, match='mit.pth is of another arch'):
        model.init_weights()


@pytest.mark.parametrize(
    ('name', 'millions'), [('b0', 3.32), ('b1', 13.15), ('b2', 24.20)]
)
def test_sizes_by_name(name, millions):
    with torch.device('meta'):
        model = MiTBackbone(name)
    count = sum(p.numel() for p in model.parameters()) / 1e6
    assert count == pytest.approx(millions, abs=0.01)
    assert model.out_channels == tuple(ARCHS[name].dims)


def test_bands_and_stages_are_free():
    model = MiTBackbone(TINY, in_channels=5, out_indices=(1, 3)).eval()
    maps = model(torch.randn(1, 5, 50, 30))
    assert [x.shape[1:] for x in maps] == [(16, 7, 4), (64, 2, 1)]
    assert model.out_channels == (16, 64)


@pytest.mark.parametrize(
    ('arch', 'message'),
    [
        ('b9', "'b9' is none of b0"),
        (dict(TINY, depths=(1, 1)), 'one number a stage'),
        (dict(TINY, heads=(0, 2, 5, 8)), 'heads=0 must .* divides the'),
        (dict(TINY, width=3), 'arch must be of dims, .* got .*width'),
        (dict(dims=(16,)), 'arch must be of dims, depths'),
        (dict(TINY, heads=(1, 3, 5, 8)), 'heads=3 must .* divides the 16'),
    ],
)
def test_sizes_that_do_not_fit_are_refused(arch, message):
    with pytest.raises(InputError, match=message):
        get_arch(arch)


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(out_indices=(0, 4)), 'out_indices must be .* 0 to 3, got 4'),
        (dict(out_indices=()), 'out_indices must name a stage'),
        (dict(in_channels=0), 'in_channels must be'),
        (dict(drop_path=1.5), 'drop_path must be'),
    ],
)
def test_settings_out_of_range_are_refused(kwargs, message):
    with pytest.raises(InputError, match=message):
        MiTBackbone(TINY, **kwargs)


def test_blocks_are_dropped_ever_more_often():
    model = MiTBackbone(TINY, drop_path=0.5)
    rates = [
        block.drop_path.drop_prob
        for stage in model.stages
        for block in stage.blocks
    ]
    assert rates == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5])


def test_resnet_layers_and_freezing():
    model = ResNetBackbone(18, ('layer3', 'layer1'), frozen_layers=1)
    image = torch.randn(2, 3, 64, 64)
    maps = model.train()(image)
    assert [x.shape[1:] for x in maps] == [(64, 16, 16), (256, 4, 4)]
    assert not hasattr(model, 'layer4')
    frozen = {n for n, p in model.named_parameters() if not p.requires_grad}
    assert {name.split('.')[0] for name in frozen} == {
        'conv1',
        'bn1',
        'layer1',
    }
    assert not model.layer1.training and model.layer2.training
    before = model.bn1.running_mean.clone()
    model(image)
    assert torch.equal(model.bn1.running_mean, before)


def test_resnet_starts_from_torchvisions_file(tmp_path):
    import torchvision

    source = torchvision.models.resnet18(weights=None).state_dict()
    torch.save(source, tmp_path / 'resnet18.pth')
    model = ResNetBackbone(18, pretrained=str(tmp_path / 'resnet18.pth'))
    model.init_weights()
    for name, value in model.state_dict().items():
        assert torch.equal(value, source[name])


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(depth=20), 'got 20'),
        (dict(out_layers=('layer5',)), 'layer5'),
        (dict(frozen_layers=5), 'frozen_layers must be .* -1 to 4, got 5'),
    ],
)
def test_resnets_that_are_none_are_refused(kwargs, message):
    with pytest.raises(InputError, match=message):
        ResNetBackbone(**kwargs)


@MODELS.register_module()
class OneMap(torch.nn.Module):
    """Stands in for a ViT."""

    def forward(self, image):
        return (image[:, :, ::32, ::32].repeat(1, 8, 1, 1),)


@pytest.mark.parametrize(
    ('size', 'sides'), [(224, (28, 14, 7, 4)), (256, (32, 16, 8, 4))]
)
def test_pyramid_over_one_map(size, sides):
    model = PyramidBackbone(dict(type='OneMap'), 24, (6, 12))
    image = torch.randn(1, 3, size, size)
    maps = model(image)
    assert [x.shape[2] for x in maps] == list(sides)
    assert [x.shape[1] for x in maps] == [6, 12, 24, 24]
    assert model.out_channels == (6, 12, 24, 24)
    assert torch.equal(maps[2], OneMap()(image)[0])
