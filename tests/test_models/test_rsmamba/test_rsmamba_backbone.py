import math

import pytest
import torch
import torch.nn.functional as F
from rsmamba_toys import ARCH, build, images
from torch import nn

from mmrs.errors import InputError
from mmrs.models.rsmamba import RSMamba

PAPER_PATHS = (
    'forward',
    'forward_reverse_mean',
    'forward_reverse_gate',
    'forward_reverse_shuffle_gate',
    'forward_reverse_shuffle_mean',
)


def permutations_of(model, length, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randperm(length, generator=generator) for _ in model.layers]


def literal_forward(model, x, path_type, permutations, mixers):
    """RSMamba as the paper writes it: each path is a copy of the tokens.

    The weights are those of `model`, the mixers are given.
    """
    stride = model.patch_embed.projection.stride
    kernel = model.patch_embed.projection.kernel_size
    sides = [math.ceil(n / s) for n, s in zip(x.shape[-2:], stride)]
    pads = [
        (n - 1) * s + k - size
        for n, s, k, size in zip(sides, stride, kernel, x.shape[-2:])
    ]
    x = F.pad(x, (0, pads[1], 0, pads[0]))
    x = model.patch_embed.projection(x).flatten(2).transpose(1, 2)
    x = x + model.pos_embed
    *names, merge = path_type.split('_')
    names = names or [merge]
    steps = torch.arange(x.shape[1])
    for block, mixer in enumerate(mixers):
        walks = dict(
            forward=steps, reverse=steps.flip(0), shuffle=permutations[block]
        )
        walks = [walks[name] for name in names]
        copies = torch.cat([x[:, walk] for walk in walks])
        copies = mixer(model.pre_norm(copies)).chunk(len(walks))
        copies = [c[:, w.argsort()] for c, w in zip(copies, walks)]
        weights = [1 / len(copies)] * len(copies)
        if merge == 'gate':
            means = torch.cat([copy.mean(1) for copy in copies], dim=-1)
            linear = model.gate_layers[block][0]
            weights = F.softmax(means @ linear.weight.T, dim=-1)
            weights = weights.unsqueeze(-1).unbind(1)
            weights = [weight.unsqueeze(-1) for weight in weights]
        x = x + sum(w * copy for w, copy in zip(weights, copies))
    return model.ln2(model.ln1(x).mean(1))


@pytest.mark.parametrize('path_type', PAPER_PATHS)
@pytest.mark.parametrize('size', [32, 30])
def test_equals_the_literal_paths(path_type, size):
    model = build(path_type=path_type, img_size=size).double().eval()
    x = images(height=size, width=size).double()
    permutations = permutations_of(model, model.layout.length)
    given = permutations if 'shuffle' in path_type else None
    expected = literal_forward(model, x, path_type, permutations, model.layers)
    (ours,) = model(x, given)
    torch.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-11)


def test_equals_the_paths_around_the_mixers_of_transformers():
    modeling = pytest.importorskip('transformers.models.mamba.modeling_mamba')
    arch = dict(embed_dims=192, num_layers=4, feedforward_channels=384)
    torch.manual_seed(0)
    model = RSMamba(arch, img_size=64, patch_cfg=dict(stride=8)).eval()
    config = modeling.MambaConfig(
        hidden_size=192, num_hidden_layers=1, state_size=16, time_step_rank=12
    )
    mixers = []
    for layer in model.layers:
        mixers.append(modeling.MambaMixer(config, layer_idx=0).eval())
        mixers[-1].load_state_dict(layer.state_dict(), strict=True)
    x = images(height=64, width=64)
    permutations = permutations_of(model, 64)
    with torch.no_grad():
        expected = literal_forward(
            model, x, 'forward_reverse_shuffle_gate', permutations, mixers
        )
        (ours,) = model(x, permutations)
    torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    'arch, classes, total',
    [
        ('b', 21, 6_381_141),
        ('base', 30, 6_382_878),
        ('b', 45, 6_385_773),
        ('l', 21, 16_246_549),
        ('large', 30, 16_248_862),
        ('l', 45, 16_252_717),
        ('h', 21, 33_053_141),
        ('huge', 30, 33_056_030),
        ('h', 45, 33_060_845),
    ],
)
def test_parameter_counts(arch, classes, total):
    with torch.device('meta'):
        model = RSMamba(arch, patch_cfg=dict(stride=8))
    head = classes * (model.embed_dims + 1)
    assert sum(p.numel() for p in model.parameters()) + head == total


def test_names_and_shapes_are_those_of_released_checkpoints():
    with torch.device('meta'):
        model = RSMamba('b', patch_cfg=dict(stride=8))
    shapes = {k: tuple(v.shape) for k, v in model.state_dict().items()}
    assert shapes.pop('pos_embed_grid') == (2,)  # ours
    block = {
        'A_log': (384, 16),
        'D': (384,),
        'conv1d.weight': (384, 1, 4),
        'conv1d.bias': (384,),
        'in_proj.weight': (768, 192),
        'x_proj.weight': (44, 384),
        'dt_proj.weight': (384, 12),
        'dt_proj.bias': (384,),
        'out_proj.weight': (192, 384),
    }
    expected = {
        'pos_embed': (1, 784, 192),
        'patch_embed.projection.weight': (192, 3, 16, 16),
    }
    for norm in ('pre_norm', 'ln1', 'ln2'):
        expected |= {f'{norm}.weight': (192,), f'{norm}.bias': (192,)}
    for i in range(24):
        expected |= {f'layers.{i}.{k}': v for k, v in block.items()}
        expected[f'gate_layers.{i}.0.weight'] = (3, 576)
    assert shapes == expected


@pytest.mark.parametrize(
    'size, stride, tokens',
    [(224, 8, 784), (224, 16, 196), (384, 8, 2304), (64, 8, 64)],
)
def test_token_counts(size, stride, tokens):
    with torch.device('meta'):
        model = RSMamba('b', img_size=size, patch_cfg=dict(stride=stride))
    assert model.pos_embed.shape == (1, tokens, 192)


@pytest.mark.parametrize(
    'cls_position', ['none', 'head', 'tail', 'head_tail', 'middle']
)
@pytest.mark.parametrize('height, width', [(32, 32), (28, 20), (41, 52)])
@pytest.mark.parametrize('pe_type', ['learnable', 'sine', 'none'])
def test_outputs_of_every_type(cls_position, height, width, pe_type):
    x = images(height=height, width=width)
    h, w = math.ceil(height / 4), math.ceil(width / 4)
    extra = dict(none=0, head_tail=2).get(cls_position, 1)
    shapes = dict(
        raw=(2, h * w + extra, 16),
        featmap=(2, 16, h, w),
        avg_featmap=(2, 16),
    )
    if extra:
        shapes['cls_token'] = (2, 16)
    for out_type, shape in shapes.items():
        model = build(
            out_type=out_type,
            cls_position=cls_position,
            pe_type=pe_type,
            path_type='forward_reverse_strided_shuffle_gate',
        ).eval()
        with torch.no_grad():
            (out,) = model(x)
        assert out.shape == shape
        assert out.isfinite().all()


@pytest.mark.parametrize(
    'cls_position, places',
    [
        ('head', [0]),
        ('tail', [64]),
        ('head_tail', [0, 65]),
        ('middle', [32]),
    ],
)
def test_class_tokens_are_in_their_places(cls_position, places):
    model = build(cls_position=cls_position, pe_type='none').eval()
    torch.nn.init.constant_(model.cls_token, 7.0)
    tokens, layout = model._embed(images())
    assert layout.length == 64 + len(places)
    found = (tokens == 7).all(-1).all(0).nonzero().flatten().tolist()
    assert found == places

    torch.manual_seed(0)
    settings = dict(cls_position=cls_position)
    raw = build(out_type='raw', **settings).eval()
    cls = build(out_type='cls_token', **settings).eval()
    cls.load_state_dict(raw.state_dict())
    with torch.no_grad():
        expected = raw(images())[0][:, places].mean(1)
        torch.testing.assert_close(cls(images())[0], expected)


def test_intermediate_outputs():
    model = build(out_indices=(0, -1), out_type='raw').eval()
    x = images()
    with torch.no_grad():
        first, last = model(x)
        assert torch.equal(last, build(out_type='raw').eval()(x)[0])
    assert not torch.allclose(first, last)
    assert last.mean(-1).abs().max() < 1e-5  # only the last is normalised
    assert first.mean(-1).abs().max() > 1e-3


def test_final_norm_can_be_left_out():
    model = build(final_norm=False, out_type='raw')
    assert not any(name.startswith('ln1') for name in model.state_dict())
    assert model.eval()(images())[0].mean(-1).abs().max() > 1e-3


def test_a_batch_is_its_images_one_by_one():
    model = build().eval()
    x = images(3)
    with torch.no_grad():
        (together,) = model(x)
        for image, expected in zip(x, together):
            (alone,) = model(image[None])
            torch.testing.assert_close(
                alone[0], expected, rtol=1e-5, atol=1e-6
            )


def test_positions_keep_their_place_at_other_sizes():
    model = build(cls_position='head_tail').eval()
    model.pos_embed.data[:, 1:-1] = torch.linspace(0, 1, 8).repeat_interleave(
        8
    )[None, :, None]
    plain = build(cls_position='head_tail', pe_type='none').eval()
    with torch.no_grad():
        for height, width in ((32, 32), (64, 64), (48, 20)):
            x = images(height=height, width=width)
            added = model._embed(x)[0] - plain._embed(x)[0]
            torch.testing.assert_close(
                added[:, [0, -1]],
                model.pos_embed[:, [0, -1]].expand(2, -1, -1),
            )
            rows = added[:, 1:-1].unflatten(1, (height // 4, width // 4))
            assert (rows[:, :-1] <= rows[:, 1:] + 0.02).all()
            assert (rows[:, :, :1] - rows).abs().max() < 1e-5


def test_checkpoint_of_another_size_is_fitted():
    small = build(img_size=24, cls_position='tail')
    large = build(cls_position='tail')
    assert small.pos_embed.shape[1] == 37
    large.load_state_dict(small.state_dict(), strict=True)
    assert torch.equal(large.pos_embed[:, -1], small.pos_embed[:, -1])
    with torch.no_grad():
        x = images(height=32, width=32)
        torch.testing.assert_close(
            small.eval()(x), large.eval()(x), rtol=1e-5, atol=1e-5
        )


def test_positions_know_their_grid():
    square, wide = build(img_size=32), build(img_size=(16, 64))
    assert square.pos_embed.shape == wide.pos_embed.shape
    state, before = square.state_dict(), square.pos_embed.clone()
    wide.load_state_dict(state)
    assert torch.equal(square.pos_embed, before)
    table = before.transpose(1, 2).unflatten(2, (8, 8))
    expected = nn.functional.interpolate(table, (4, 16), mode='bicubic')
    got = wide.pos_embed.transpose(1, 2).unflatten(2, (4, 16))
    torch.testing.assert_close(got, expected)
    assert wide.pos_embed_grid.tolist() == [4, 16]
    # And its own table it takes as it is.
    again = build(img_size=(16, 64))
    again.load_state_dict(wide.state_dict())
    assert torch.equal(again.pos_embed, wide.pos_embed)


def test_positions_without_a_record_are_of_square_images():
    square, wide = build(img_size=32), build(img_size=(16, 64))
    recorded = square.state_dict()
    released = {k: v for k, v in recorded.items() if k != 'pos_embed_grid'}
    wide.load_state_dict(released)
    again = build(img_size=(16, 64))
    again.load_state_dict(recorded)
    assert torch.equal(wide.pos_embed, again.pos_embed)
    assert not torch.equal(wide.pos_embed, square.pos_embed)


def test_checkpoint_of_an_unknown_grid_is_refused():
    state = build(img_size=(32, 16)).state_dict()
    build(img_size=(32, 24)).load_state_dict(state)  # recorded
    del state['pos_embed_grid']
    with pytest.raises(RuntimeError, match='size mismatch for pos_embed'):
        build(img_size=(32, 24)).load_state_dict(state)


def test_sine_positions_are_not_trained_nor_saved():
    model = build(pe_type='sine')
    assert 'pos_embed' not in model.state_dict()
    assert 'pos_embed' not in dict(model.named_parameters())
    before = model.pos_embed.clone()
    model.init_weights()
    assert torch.equal(model.pos_embed, before)
    grid = model.pos_embed.unflatten(1, (8, 8))[0]
    assert torch.equal(
        grid[2, 3, :4], (3 * 1e4 ** -(torch.arange(4) / 4)).sin()
    )
    assert torch.equal(
        grid[2, 3, 12:], (2 * 1e4 ** -(torch.arange(4) / 4)).cos()
    )


def test_frozen_stages_stay_frozen():
    model = build(frozen_stages=2, drop_path_rate=0.5, drop_rate=0.5)
    model.train()
    frozen = [model.patch_embed, model.pre_norm, *model.layers[:2]]
    frozen += [*model.gate_layers[:2], *model.drop_paths[:2]]
    for part in (*frozen, model.drop_after_pos):
        assert not any(module.training for module in part.modules())
        assert not any(p.requires_grad for p in part.parameters())
    assert not model.pos_embed.requires_grad
    assert model.layers[2].training and model.drop_paths[2].training
    model(images())[0].sum().backward()
    assert model.layers[2].A_log.grad is not None
    assert model.layers[1].A_log.grad is None


@pytest.mark.parametrize('stages', [0, 3])
def test_embeddings_or_all_can_be_frozen(stages):
    model = build(
        frozen_stages=stages, cls_position='head', share_pre_norm=False
    )
    trained = {n for n, p in model.named_parameters() if p.requires_grad}
    if stages:
        assert trained == {'ln2.weight', 'ln2.bias'}
    else:
        assert 'layers.0.D' in trained and 'pre_norms.0.bias' in trained
        assert not trained & {'pos_embed', 'cls_token'}
        assert not any(name.startswith('patch_embed') for name in trained)


def test_checkpointing_changes_nothing():
    x = images()
    results = []
    for with_cp in (False, True):
        model = build(with_cp=with_cp, drop_path_rate=0.3).train()
        torch.manual_seed(3)
        (out,) = model(x)
        out.square().sum().backward()
        results.append([out, *(p.grad for p in model.parameters())])
    for plain, checkpointed in zip(*results):
        torch.testing.assert_close(plain, checkpointed)


def test_drop_path_grows_with_depth():
    model = build(drop_path_rate=0.2)
    rates = [part.drop_prob for part in model.drop_paths]
    assert rates == pytest.approx([0.0, 0.1, 0.2])


def test_runs_in_bfloat16_under_autocast():
    model = build().train()
    permutations = permutations_of(model, 64)
    (exact,) = model(images(), permutations)
    with torch.autocast('cpu', torch.bfloat16):
        (rough,) = model(images(), permutations)
    assert (rough - exact).abs().max() < 0.1  # of features of deviation one
    rough.float().square().sum().backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())


def test_every_parameter_is_trained():
    model = build(
        cls_position='head_tail', out_type='raw', share_pre_norm=False
    ).train()
    out = model(images())[0]
    (out * torch.randn_like(out)).sum().backward()
    unused = [n for n, p in model.named_parameters() if not p.grad.any()]
    assert not unused


@pytest.mark.parametrize('size', [(32, 32), (44, 24)])
def test_class_activation_is_a_sum_of_shares(size):
    model = build(cls_position='head').eval()
    torch.nn.init.normal_(model.ln2.weight)
    torch.nn.init.normal_(model.ln2.bias)
    weight = torch.randn(2, 16)
    x = images(height=size[0], width=size[1])
    shares = model.class_activation(x, weight)
    assert shares.shape == (2, size[0] // 4, size[1] // 4)
    scores = (weight * model(x)[0]).sum(-1)
    torch.testing.assert_close(
        shares.sum((1, 2)), scores, rtol=1e-4, atol=1e-5
    )


def test_initial_weights_follow_init_cfg():
    model = build(
        init_cfg=dict(
            type='Kaiming',
            layer='Conv2d',
            mode='fan_in',
            nonlinearity='linear',
        )
    )
    before = {k: v.clone() for k, v in model.state_dict().items()}
    model.init_weights()
    changed = {
        k for k, v in model.state_dict().items() if (v != before[k]).any()
    }
    assert changed == {'patch_embed.projection.weight'}
    assert model.patch_embed.projection.weight.std().item() == pytest.approx(
        (3 * 8 * 8) ** -0.5, rel=0.05
    )
    assert model.pos_embed.std().item() == pytest.approx(0.02, rel=0.1)


def test_blocks_can_differ():
    model = build(layer_cfgs=[dict(state_dims=n) for n in (2, 3, 4)])
    assert [layer.state_dims for layer in model.layers] == [2, 3, 4]
    assert (
        build(layer_cfgs=dict(conv_kernel=3)).layers[1].conv1d.weight.shape[-1]
        == 3
    )


@pytest.mark.parametrize(
    'kwargs, message',
    [
        (dict(arch='xl'), "arch 'xl' is none of s, b, l, h, small"),
        (dict(arch=dict(embed_dims=8)), 'must have the keys embed_dims'),
        (dict(pe_type='cosine'), 'pe_type must be one of learnable, sine'),
        (
            dict(pe_type='sine', arch=ARCH | dict(embed_dims=18)),
            'multiple of 4, got 18',
        ),
        (dict(path_type='forward_gate'), "'forward_gate' is unknown"),
        (dict(path_type='forward_forward_mean'), 'join different ones'),
        (dict(path_type='forward_reverse'), 'end with _mean or _gate'),
        (dict(cls_position='head+tail'), 'cls_position must be one of none'),
        (dict(out_type='map'), 'out_type must be one of avg_featmap'),
        (dict(out_type='cls_token'), 'needs a class token; set cls_position'),
        (dict(shuffle='always'), 'shuffle must be one of random'),
        (dict(shuffle_eval='seeded'), 'shuffle_eval must be one of fixed'),
        (dict(frozen_stages=4), 'frozen_stages must be .* -1 to 3, got 4'),
        (dict(out_indices=3), 'out_indices must be -3 to 2 for 3 blocks'),
        (dict(layer_cfgs=[{}]), 'layer_cfgs is a list of 1'),
        (dict(dt_init='zero'), 'dt_init must be'),
        (dict(arch=ARCH | dict(num_layers=0)), 'arch.num_layers must be'),
        (dict(patch_size=0), 'patch_size must be a number at least 1, got 0'),
        (dict(img_size=(32, 3)), 'img_size must be .* at least 8, got 3'),
        (dict(in_channels='3'), "in_channels must be a number .* got '3'"),
        (dict(drop_rate=1.5), 'drop_rate must be a number from 0 to 1'),
        (dict(drop_path_rate=-1), 'drop_path_rate must be'),
        (dict(interpolate_mode='area'), 'interpolate_mode must be one of nea'),
    ],
)
def test_bad_arguments_are_refused(kwargs, message):
    with pytest.raises(InputError, match=message):
        build(**kwargs)


def test_bad_inputs_are_refused():
    model = build().eval()
    with pytest.raises(ValueError, match='7 x 32 pixels are smaller than a p'):
        model(images(height=7))
    with pytest.raises(ValueError, match='2 permutations are given for 3'):
        model(images(), [torch.arange(64)] * 2)
    with pytest.raises(ValueError, match='no permutation'):
        model(images(), [torch.zeros(64, dtype=torch.long)] * 3)
    with pytest.raises(ValueError, match='cannot order'):
        model(images(), [torch.arange(63)] * 3)
    straight = build(path_type='forward')
    with pytest.raises(ValueError, match='path_type has no shuffle'):
        straight(images(), [torch.arange(64)] * 3)
    cls = build(cls_position='head', out_type='cls_token')
    with pytest.raises(ValueError, match="out_type='avg_featmap'; this model"):
        cls.class_activation(images(), torch.zeros(2, 16))
