import re

import pytest
import torch

from mmrs.errors import InputError
from mmrs.models.backbones.clip_names import convert_clip

transformers = pytest.importorskip('transformers')

from mmrs.models.backbones import CLIPPatchBackbone  # noqa: E402
from mmrs.models.backbones.clip import ARCHS  # noqa: E402

ARCH = dict(dims=16, depth=3, heads=2, patch_size=4, img_size=12)


def build(**kwargs):
    torch.manual_seed(0)
    return CLIPPatchBackbone(**(dict(arch=ARCH) | kwargs)).eval()


def openai_weights(dims=16, depth=3, patch=4, patches=9):
    """The image encoder of a CLIP as OpenAI names it."""
    torch.manual_seed(1)
    shapes = {
        'class_embedding': (dims,),
        'positional_embedding': (patches + 1, dims),
        'proj': (dims, 6),
        'conv1.weight': (dims, 3, patch, patch),
    }
    for norm in ('ln_pre', 'ln_post'):
        shapes |= {f'{norm}.weight': (dims,), f'{norm}.bias': (dims,)}
    for block in range(depth):
        sizes = {
            'attn.in_proj_': (3 * dims, dims),
            'attn.out_proj.': (dims, dims),
            'mlp.c_fc.': (4 * dims, dims),
            'mlp.c_proj.': (dims, 4 * dims),
        }
        before = f'transformer.resblocks.{block}.'
        for name, shape in sizes.items():
            shapes[f'{before}{name}weight'] = shape
            shapes[f'{before}{name}bias'] = shape[:1]
        for norm in ('ln_1', 'ln_2'):
            shapes[f'{before}{norm}.weight'] = (dims,)
            shapes[f'{before}{norm}.bias'] = (dims,)
    return {
        name: 0.3 * torch.randn(shape) + ('ln' in name and 'weight' in name)
        for name, shape in shapes.items()
    }


def whole_clip():
    """An OpenAI CLIP with its text encoder."""
    clip = {f'visual.{k}': v for k, v in openai_weights().items()}
    clip['transformer.resblocks.0.ln_1.weight'] = torch.ones(5)
    clip['positional_embedding'] = torch.ones(7, 5)
    clip['token_embedding.weight'] = torch.ones(9, 5)
    clip['logit_scale'] = torch.tensor(4.0)
    return clip


def norm(x, weights, name):
    x = x - x.mean(-1, keepdim=True)
    x = x / (x.square().mean(-1, keepdim=True) + 1e-5).sqrt()
    return x * weights[f'{name}.weight'] + weights[f'{name}.bias']


def linear(x, weights, name):
    return x @ weights[f'{name}weight'].T + weights[f'{name}bias']


def plain_clip(weights, image, heads=2, patch=4):
    """The tokens of one image (3, H, W) behind the last block."""
    tokens = [weights['class_embedding']]
    for row in range(0, image.shape[1], patch):
        for col in range(0, image.shape[2], patch):
            piece = image[:, row : row + patch, col : col + patch]
            kernel = weights['conv1.weight']
            tokens.append((kernel * piece).sum((1, 2, 3)))
    x = torch.stack(tokens) + weights['positional_embedding']
    x = norm(x, weights, 'ln_pre')
    depth = len([name for name in weights if name.endswith('ln_1.bias')])
    for i in range(depth):
        block = f'transformer.resblocks.{i}.'
        y = norm(x, weights, f'{block}ln_1')
        query, key, value = linear(y, weights, f'{block}attn.in_proj_').chunk(
            3, dim=1
        )
        size = x.shape[1] // heads
        seen = []
        for h in range(heads):
            cut = slice(h * size, (h + 1) * size)
            scores = query[:, cut] @ key[:, cut].T / size**0.5
            seen.append(scores.softmax(1) @ value[:, cut])
        seen = torch.cat(seen, dim=1)
        x = x + linear(seen, weights, f'{block}attn.out_proj.')
        y = norm(x, weights, f'{block}ln_2')
        y = linear(y, weights, f'{block}mlp.c_fc.')
        y = y * (1.702 * y).sigmoid()
        x = x + linear(y, weights, f'{block}mlp.c_proj.')
    return x


@pytest.mark.parametrize('content', [openai_weights, whole_clip])
@pytest.mark.parametrize('feature', ['pre_ln_post', 'post_ln_post'])
@torch.no_grad()
def test_openai_weights_give_the_patches_of_clip(tmp_path, content, feature):
    torch.save(content(), tmp_path / 'clip.pth')
    backbone = build(
        patch_feature=feature, pretrained=str(tmp_path / 'clip.pth')
    )
    backbone.init_weights()
    images = torch.randn(2, 3, 12, 12)
    (patches,) = backbone(images)
    assert patches.shape == (2, 16, 3, 3)
    weights = openai_weights()
    for ours, image in zip(patches, images):
        expected = plain_clip(weights, image)
        if feature == 'post_ln_post':
            expected = norm(expected, weights, 'ln_post')
        torch.testing.assert_close(
            ours.flatten(1).T, expected[1:], rtol=1e-4, atol=1e-4
        )


def test_openai_file_as_it_is_published(tmp_path):
    """TorchScript with weights of float16."""

    class Published(torch.nn.Module):
        def __init__(self):
            super().__init__()
            for name, value in whole_clip().items():
                *parents, last = name.split('.')
                module = self
                for parent in parents:
                    if not hasattr(module, parent):
                        module.add_module(parent, torch.nn.Module())
                    module = getattr(module, parent)
                module.register_parameter(last, torch.nn.Parameter(value))

        def forward(self, x):
            return x * self.logit_scale

    model = torch.jit.trace(Published().half(), torch.ones(1).half())
    torch.jit.save(model, tmp_path / 'ViT.pt')
    backbone = build(pretrained=str(tmp_path / 'ViT.pt'))
    backbone.init_weights()
    state_dict = backbone.vision.state_dict()
    for name, value in convert_clip(openai_weights()).items():
        assert state_dict[name].dtype == torch.float32
        torch.testing.assert_close(
            state_dict[name], value, rtol=1e-3, atol=1e-3
        )


def transformers_clip():
    config = transformers.CLIPConfig(
        vision_config=dict(
            hidden_size=16,
            intermediate_size=64,
            num_hidden_layers=3,
            num_attention_heads=2,
            image_size=12,
            patch_size=4,
        ),
        text_config=dict(
            hidden_size=8,
            intermediate_size=8,
            num_hidden_layers=1,
            num_attention_heads=1,
            vocab_size=9,
        ),
        projection_dim=6,
    )
    torch.manual_seed(2)
    return transformers.CLIPModel(config).eval()


@pytest.mark.parametrize('prefix', ['vision_model.', '', 'all'])
@torch.no_grad()
def test_weights_of_transformers_are_read(tmp_path, prefix):
    clip = transformers_clip()
    vision = {
        name.removeprefix('vision_model.'): value
        for name, value in clip.state_dict().items()
        if name.startswith('vision_model.')
    }
    # Older versions store the numbers of the positions.
    vision['embeddings.position_ids'] = torch.arange(10)[None]
    content = {f'{prefix}{name}': value for name, value in vision.items()}
    if prefix == 'all':
        content = clip.state_dict()
    torch.save(content, tmp_path / 'clip.pth')
    backbone = build(pretrained=str(tmp_path / 'clip.pth'))
    backbone.init_weights()
    image = torch.randn(2, 3, 12, 12)
    outputs = clip.vision_model(image).last_hidden_state
    torch.testing.assert_close(
        backbone(image)[0].flatten(2), outputs[:, 1:].transpose(1, 2)
    )


def test_names_are_converted_one_to_one():
    converted = convert_clip(openai_weights())
    assert converted.keys() == build().vision.state_dict().keys()
    assert convert_clip(whole_clip()).keys() == converted.keys()
    for name, value in convert_clip(converted).items():
        assert torch.equal(value, converted[name])


@pytest.mark.parametrize(
    ('blocks', 'feature', 'expected'),
    [
        (0, 'pre_ln_post', set()),
        (1, 'pre_ln_post', {'layers.2'}),
        (2, 'post_ln_post', {'layers.1', 'layers.2', 'post_layernorm'}),
        (3, 'pre_ln_post', {'layers.0', 'layers.1', 'layers.2'}),
        (4, 'pre_ln_post', {'layers.0', 'layers.1', 'layers.2'}),
    ],
)
def test_the_last_blocks_are_trained(blocks, feature, expected):
    backbone = build(trainable_blocks=blocks, patch_feature=feature)
    trained = {
        re.search(r'layers\.\d|[^.]+$', name.rpartition('.')[0])[0]
        for name, parameter in backbone.named_parameters()
        if parameter.requires_grad
    }
    assert trained == expected
    if expected:
        backbone(torch.randn(1, 3, 12, 12))[0].square().sum().backward()
        for parameter in backbone.parameters():
            assert (parameter.grad is None) != parameter.requires_grad


def test_half_of_vit_b_32_is_trained():
    with torch.device('meta'):
        backbone = CLIPPatchBackbone()
    trained = [p.numel() for p in backbone.parameters() if p.requires_grad]
    assert round(sum(trained) / 1e6, 1) == 42.5
    assert len(trained) == 6 * 16


@torch.no_grad()
def test_other_sizes_of_images():
    backbone = build()
    for size in ((12, 20), (8, 8), (24, 12)):
        (patches,) = backbone(torch.randn(1, 3, *size))
        assert patches.shape == (1, 16, size[0] // 4, size[1] // 4)
    # What is left over at the edges is not seen.
    image = torch.randn(1, 3, 14, 15)
    torch.testing.assert_close(
        backbone(image)[0], backbone(image[..., :12, :12])[0]
    )


def test_sizes_that_are_named():
    assert ARCHS['vit-b-32'].depth == 12
    for arch in ARCHS.values():
        assert arch.heads * 64 == arch.dims
        assert arch.img_size % arch.patch_size == 0
    assert build(arch=tuple(ARCH.values())).patch_size == 4
    for arch in (dict(dims=8), (8, 2)):
        with pytest.raises(InputError, match='arch needs dims, depth, heads'):
            CLIPPatchBackbone(arch)
    with pytest.raises(InputError, match="arch 'vit-l-32' is none of vit-b"):
        build(arch='vit-l-32')
    with pytest.raises(InputError, match="patch_feature .* got 'ln_post'"):
        build(patch_feature='ln_post')


def test_files_that_are_no_such_clip(tmp_path):
    file = tmp_path / 'clip.pth'
    with pytest.raises(InputError, match='clip.pth does not exist'):
        build(pretrained=str(file)).init_weights()
    torch.save({'visual.layer1.0.conv1.weight': torch.ones(1)}, file)
    with pytest.raises(InputError, match='clip.pth: .* are no CLIP with'):
        build(pretrained=str(file)).init_weights()
    torch.save(openai_weights(depth=2), file)
    with pytest.raises(InputError, match='clip.pth lacks 16 of'):
        build(pretrained=str(file)).init_weights()
    torch.save(openai_weights(patch=2), file)
    with pytest.raises(InputError, match='clip.pth is of another architect'):
        build(pretrained=str(file)).init_weights()


def test_nothing_is_read_before_training_begins(tmp_path):
    file = tmp_path / 'missing.pth'
    model = build(pretrained=str(file))
    with pytest.raises(InputError, match='missing.pth does not exist'):
        model.init_weights()
