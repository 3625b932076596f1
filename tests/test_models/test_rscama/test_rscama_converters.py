import re
import runpy

import pytest
import torch
from caption_toys import KINDS
from parity.files import compare, read_parity_file
from parity.rscama import run_parity

from mmrs.errors import InputError
from mmrs.models.rscama.converters import convert_released
from mmrs.registry import MODELS

pytest.importorskip('transformers')

LAYERS = 2
DECODERS = {
    kind: dict(type=cls.__name__, embed_dims=16, num_layers=2) | sizes
    for kind, (cls, sizes) in KINDS.items()
}


def build(kind):
    """A tiny RSCaMa, no part of it as it starts."""
    arch = dict(dims=16, depth=2, heads=2, patch_size=4, img_size=8)
    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type='ChangeInterpreter',
            backbone=dict(type='CLIPPatchBackbone', arch=arch),
            caption_neck=dict(
                type='CaMaNeck', dims=16, num_layers=LAYERS, grid=2
            ),
            caption_head=dict(
                type='CaptionHead',
                decoder=DECODERS[kind],
                num_words=11,
                max_length=9,
            ),
        )
    )
    for tensor in model.state_dict().values():
        if tensor.is_floating_point():
            tensor.add_(torch.rand_like(tensor) * 0.2)
    return model.eval()


def take(weights, prefix):
    return {
        name.removeprefix(prefix): value
        for name, value in weights.items()
        if name.startswith(prefix)
    }


def released_clip(weights):
    """OpenAI's names of an image encoder, with its text encoder."""
    theirs = {}
    for name, value in weights.items():
        for ours, new in (
            ('embeddings.patch_embedding', 'conv1'),
            ('embeddings.class_embedding', 'class_embedding'),
            ('embeddings.position_embedding.weight', 'positional_embedding'),
            ('pre_layrnorm', 'ln_pre'),
            ('post_layernorm', 'ln_post'),
            ('encoder.layers', 'transformer.resblocks'),
            ('self_attn', 'attn'),
            ('layer_norm', 'ln_'),
            ('mlp.fc1', 'mlp.c_fc'),
            ('mlp.fc2', 'mlp.c_proj'),
        ):
            name = name.replace(ours, new)
        theirs[f'clip_model.visual.{name}'] = value
    for name in [name for name in theirs if '.q_proj.' in name]:
        parts = [
            theirs.pop(name.replace('q_proj', f'{part}_proj'))
            for part in 'qkv'
        ]
        new = name.replace('q_proj.', 'in_proj_')
        theirs[new] = torch.cat(parts)
    theirs['clip_model.visual.proj'] = torch.ones(16, 5)
    theirs['clip_model.transformer.resblocks.0.ln_1.bias'] = torch.ones(5)
    theirs['clip_model.token_embedding.weight'] = torch.ones(9, 5)
    theirs['clip_model.positional_embedding'] = torch.ones(7, 5)
    theirs['clip_model.ln_final.weight'] = torch.ones(5)
    theirs['clip_model.text_projection'] = torch.ones(5, 5)
    theirs['clip_model.logit_scale'] = torch.tensor(4.0)
    return theirs


def idle_block(inner=32, dims=16):
    """What no output of a block depends on, and its word embeddings."""
    mixer = 'layers.0.mixer.'
    weights = {'embeddings.weight': torch.ones(50, dims)}
    for end in ('', '_back'):
        for part in ('x_proj_dif', 'dt_proj_dif', 'linear_hid2'):
            weights[f'{mixer}{part}{end}.weight'] = torch.ones(3, inner)
        weights[f'{mixer}dt_proj_dif{end}.bias'] = torch.ones(3)
        weights[f'{mixer}linear_hid2{end}.bias'] = torch.ones(3)
    weights[f'{mixer}conv1d_back.weight'] = torch.ones(inner, 1, 3)
    weights[f'{mixer}conv1d_back.bias'] = torch.ones(inner)
    weights[f'{mixer}out_LN.weight'] = torch.ones(inner)
    weights[f'{mixer}out_LN.bias'] = torch.ones(inner)
    return weights


def released_block(weights, guided):
    inner, gate = weights['in_proj.weight'], weights['gate_proj.weight']
    idle = torch.full_like(inner, torch.nan)
    theirs = idle_block()
    halves = {
        'in_proj': [inner, idle if guided else gate],
        'in_proj_dif': [idle, gate if guided else idle],
    }
    for name, pair in halves.items():
        theirs[f'layers.0.mixer.{name}.weight'] = torch.cat(pair)
    for name, value in weights.items():
        if name == 'norm.weight':
            theirs[f'layers.0.{name}'] = value
        elif name == 'norm_out.weight':
            theirs['norm_f.weight'] = value
        elif not name.startswith(('in_proj', 'gate_proj')):
            theirs[f'layers.0.mixer.{name}'] = value
    return theirs


def released_neck(weights):
    theirs = {
        'h_embedding.weight': weights['positions.col'],
        'w_embedding.weight': weights['positions.row'],
        'LN_norm.weight': weights['shared_norm.weight'],
        'LN_norm.bias': weights['shared_norm.bias'],
        'alpha': weights['alpha'],
    }
    blocks = {'layerscan': idle_block()}
    for i in range(LAYERS):
        for date in range(2):
            own = take(weights, f'layers.{i}.spatial.{date}.')
            name = f'CaMalayer_list.{i}.{date}'
            blocks[name] = released_block(own, guided=True)
        own = take(weights, f'layers.{i}.temporal.')
        blocks[f'fuselayer_list.{i}.0'] = released_block(own, guided=False)
        blocks[f'fuselayer_list.{i}.1'] = blocks[f'fuselayer_list.{i}.0']
        idle = i != LAYERS - 1
        for name, value in take(weights, 'fuse_proj.').items():
            value = value * torch.nan if idle else value
            theirs[f'Conv1_list.{i}.{name}'] = value
        for name, value in take(weights, 'fuse_block.').items():
            value = value * torch.nan if idle else value
            theirs[f'LN_list.{i}.left.{name}'] = value
    for block, own in blocks.items():
        theirs |= {f'{block}.{name}': value for name, value in own.items()}
    return theirs


def released_decoder(kind, weights):
    theirs = {
        'position_encoding.pe': torch.ones(9, 1, 16),
        'position_encoding.embedding_1D.weight': torch.ones(52, 16),
    }
    for i in range(2):
        if kind == 'transformer':
            for k in (1, 2, 3):
                name = f'transformer.layers.{i}.fc_alpha{k}'
                theirs[f'{name}.weight'] = torch.ones(16, 32)
                theirs[f'{name}.bias'] = torch.ones(16)
        elif kind == 'gpt':
            theirs[f'GPT.{i}.wte.weight'] = torch.ones(50, 16)
        else:
            theirs[f'Mamba.{i}.embeddings.weight'] = torch.ones(50, 16)
    for name, value in weights.items():
        if name.startswith(('vocab_embedding', 'wdc')):
            theirs[name] = value
        elif kind == 'transformer':
            theirs[f'transformer.{name}'] = value
        elif kind == 'mamba':
            new = re.sub(
                r'models\.(\d)\.(norm\.|mixer)', r'Mamba.\1.layers.0.\2', name
            )
            theirs[new.replace('models', 'Mamba')] = value
        else:
            new = name.replace('mlp.0', 'mlp.c_fc').replace(
                'mlp.2', 'mlp.c_proj'
            )
            new = new.replace('c_attn', 'attn.c_attn')
            new = re.sub(r'(\d\.)c_proj', r'\1attn.c_proj', new)
            new = re.sub(r'models\.(\d)\.(?!wpe|ln_f)', r'GPT.\1.h.0.', new)
            is_matrix = value.ndim == 2 and 'wpe' not in name
            value = value.T.contiguous() if is_matrix else value
            theirs[new.replace('models', 'GPT')] = value
    return theirs


def released(kind, model):
    """The parts of a checkpoint as the authors release them."""
    weights = model.state_dict()
    decoder = take(weights, 'caption_head.decoder.')
    return dict(
        encoder_dict=released_clip(take(weights, 'backbone.vision.')),
        encoder_trans_dict=released_neck(take(weights, 'caption_neck.')),
        decoder_dict=released_decoder(kind, decoder),
    )


def joined(parts):
    return {
        f'{part}.{name}': value
        for part, weights in parts.items()
        for name, value in weights.items()
    }


@pytest.mark.parametrize('kind', KINDS)
@torch.no_grad()
def test_released_checkpoints_convert_whole(kind):
    model = build(kind)
    converted = convert_released(joined(released(kind, model)))
    other = build(kind)
    for parameter in other.parameters():
        parameter.fill_(torch.nan)
    other.load_state_dict(converted, strict=True)
    images = torch.randn(2, 2, 3, 8, 8)
    inputs = dict(zip(('img_a', 'img_b'), images))
    tokens = model(inputs)['tokens']
    assert torch.equal(other(inputs)['tokens'], tokens)
    ids = torch.randint(4, 11, (2, 7))
    scores = model.caption_head.decoder(ids, tokens)
    assert scores.isfinite().all()
    assert torch.equal(other.caption_head.decoder(ids, tokens), scores)


def test_names_of_a_decoder_are_those_of_the_release():
    """A sample of them, so that the toys above are not only consistent."""
    parts = {
        kind: released(kind, build(kind))['decoder_dict'] for kind in KINDS
    }
    shapes = {
        'transformer': {
            'transformer.layers.0.self_attn.in_proj_weight': (48, 16),
            'transformer.layers.1.multihead_attn.out_proj.bias': (16,),
            'transformer.layers.0.linear1.weight': (64, 16),
        },
        'gpt': {
            'GPT.0.wpe.weight': (64, 16),
            'GPT.1.h.0.attn.c_attn.weight': (16, 48),
            'GPT.0.h.0.attn.c_proj.bias': (16,),
            'GPT.0.h.0.mlp.c_fc.weight': (16, 64),
            'GPT.0.h.0.mlp.c_proj.weight': (64, 16),
            'GPT.0.h.0.ln_2.weight': (16,),
            'GPT.1.ln_f.bias': (16,),
        },
        'mamba': {
            'Mamba.0.layers.0.norm.weight': (16,),
            'Mamba.1.layers.0.mixer.conv1d.weight': (32, 1, 4),
            'Mamba.0.layers.0.mixer.A_log': (32, 4),
            'Mamba.0.norm_f.weight': (16,),
        },
    }
    for kind, expected in shapes.items():
        for name, shape in expected.items():
            assert parts[kind][name].shape == shape


@pytest.mark.parametrize(
    'name',
    [
        'epoch',
        'encoder_trans_dict.CaMalayer_list.0.0.layers.0.mixer.delta.weight',
        'encoder_trans_dict.CaMalayer_list.0.2.norm_f.weight',
        'encoder_trans_dict.Conv2_list.1.weight',
        'decoder_dict.transformer.norm.weight',
        'decoder_dict.LSTM.0.weight',
    ],
)
def test_unknown_names_are_refused(name):
    weights = joined(released('transformer', build('transformer')))
    bare = re.escape(name.partition('_dict.')[2] or name)
    with pytest.raises(InputError, match=bare):
        convert_released(weights | {name: torch.ones(2, 2)})


def test_other_checkpoints_are_refused():
    with pytest.raises(InputError, match=r'1 of 1 names .* first: fc\.bias'):
        convert_released({'fc.bias': torch.ones(1)})
    with pytest.raises(InputError, match='none at all'):
        convert_released({})
    with pytest.raises(InputError, match='no CLIP with a vision transformer'):
        convert_released({'encoder_dict.cnn.0.weight': torch.ones(1)})


def test_parts_convert_alone():
    parts = released('mamba', build('mamba'))
    for part, prefix in (
        ('encoder_dict', 'backbone.vision.'),
        ('encoder_trans_dict', 'caption_neck.'),
        ('decoder_dict', 'caption_head.decoder.'),
    ):
        converted = convert_released(joined({part: parts[part]}))
        assert converted
        assert all(name.startswith(prefix) for name in converted)


def test_the_tool_converts_the_released_file(tmp_path, repo_root, monkeypatch):
    model = build('transformer')
    content = released('transformer', model) | dict(epoch=30, args=['--k', 1])
    torch.save(content, tmp_path / 'authors.pth')
    tool = repo_root / 'tools' / 'model_converters' / 'convert.py'
    words = ['rscama', tmp_path / 'authors.pth', tmp_path / 'ours.pth']
    monkeypatch.setattr('sys.argv', [str(tool), *map(str, words)])
    runpy.run_path(str(tool), run_name='__main__')
    ours = torch.load(tmp_path / 'ours.pth', weights_only=True)['state_dict']
    assert ours.keys() == model.state_dict().keys()
    for name, value in model.state_dict().items():
        assert torch.equal(ours[name], value)


def test_outputs_equal_the_authors(shared_golden):
    file = read_parity_file(shared_golden / 'rscama.npz')
    pairs = run_parity('rscama', file.meta, file.state_dict, file.io)
    inputs = {'feat_a', 'feat_b', 'caption_ids', 'caption_lengths'}
    assert set(pairs) == file.io.keys() - inputs
    assert len(pairs) == 1 + 3 * 5
    for name, (ours, theirs) in pairs.items():
        assert compare(ours, theirs).within, name


def test_parity_is_of_all_weights(shared_golden):
    file = read_parity_file(shared_golden / 'rscama.npz')
    weights = file.state_dict | {'decoder_lstm.weight': torch.ones(1)}
    with pytest.raises(ValueError, match=r'decoder_lstm\.weight .* not used'):
        run_parity('rscama', file.meta, weights, file.io)
