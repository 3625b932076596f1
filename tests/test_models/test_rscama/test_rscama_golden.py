"""RSCaMa in its full size, with weights that are made from their names.

The expected numbers are what the authors' code gives with them.
"""

import pytest
import torch
import torch.nn.functional as F
from hashed_weights import check, spread, weights

from mmrs.models.change.decoders import (
    PrefixGPTDecoder,
    PrefixMambaDecoder,
    TransformerCaptionDecoder,
)
from mmrs.models.change.released import decoder_converter
from mmrs.models.change.search import greedy_search
from mmrs.models.rscama import CaMaNeck
from mmrs.models.rscama.converters import convert_neck

WORDS = torch.tensor([[2, 10, 57, 200, 300, 3]])
NUM_WORDS = 501


def block_shapes(block, guided):
    shapes = {
        'in_proj.weight': (3072, 768),
        'conv1d.weight': (1536, 1, 3),
        'conv1d.bias': (1536,),
        'out_proj.weight': (768, 1536),
    }
    if guided:
        shapes['in_proj_dif.weight'] = (3072, 768)
    for end in ('', '_back'):
        shapes |= {
            f'x_proj{end}.weight': (80, 1536),
            f'dt_proj{end}.weight': (1536, 48),
            f'dt_proj{end}.bias': (1536,),
            f'A_log{end}': (1536, 16),
            f'D{end}': (1536,),
        }
    shapes = {f'layers.0.mixer.{name}': s for name, s in shapes.items()}
    shapes |= {'layers.0.norm.weight': (768,), 'norm_f.weight': (768,)}
    return {f'{block}.{name}': shape for name, shape in shapes.items()}


def neck_shapes():
    shapes = {
        'h_embedding.weight': (7, 384),
        'w_embedding.weight': (7, 384),
        'LN_norm.weight': (768,),
        'LN_norm.bias': (768,),
        'alpha': (),
        'Conv1_list.2.weight': (768, 1536, 1, 1),
        'Conv1_list.2.bias': (768,),
        'LN_list.2.left.2.weight': (768, 768, 3, 3),
        'LN_list.2.left.2.bias': (768,),
        'LN_list.2.left.5.weight': (768, 768, 1, 1),
        'LN_list.2.left.5.bias': (768,),
    }
    for norm in (0, 3, 6):
        for part in ('weight', 'bias', 'running_mean', 'running_var'):
            shapes[f'LN_list.2.left.{norm}.{part}'] = (768,)
    for layer in range(3):
        for date in range(2):
            block = f'CaMalayer_list.{layer}.{date}'
            shapes |= block_shapes(block, guided=True)
        shapes |= block_shapes(f'fuselayer_list.{layer}.0', guided=False)
    return shapes


def decoder_shapes(kind):
    shapes = {
        'vocab_embedding.weight': (NUM_WORDS, 768),
        'wdc.weight': (NUM_WORDS, 768),
        'wdc.bias': (NUM_WORDS,),
    }
    norms, layers = [], {}
    if kind == 'transformer':
        start = 'transformer.layers.0.'
        norms = ['norm1', 'norm2', 'norm3']
        for part in ('self_attn', 'multihead_attn'):
            shapes[f'{start}{part}.in_proj_weight'] = (2304, 768)
            shapes[f'{start}{part}.in_proj_bias'] = (2304,)
            layers[f'{part}.out_proj'] = (768, 768)
        layers |= {'linear1': (3072, 768), 'linear2': (768, 3072)}
    elif kind == 'gpt':
        start = 'GPT.0.'
        shapes['GPT.0.wpe.weight'] = (1024, 768)
        norms = ['h.0.ln_1', 'h.0.ln_2', 'ln_f']
        inputs_first = {
            'h.0.attn.c_attn': (768, 2304),
            'h.0.attn.c_proj': (768, 768),
            'h.0.mlp.c_fc': (768, 3072),
            'h.0.mlp.c_proj': (3072, 768),
        }
        for name, shape in inputs_first.items():
            shapes[f'{start}{name}.weight'] = shape
            shapes[f'{start}{name}.bias'] = shape[1:]
    else:
        start = 'Mamba.0.'
        shapes |= {
            'Mamba.0.norm_f.weight': (768,),
            'Mamba.0.layers.0.norm.weight': (768,),
        }
        mixer = {
            'in_proj.weight': (3072, 768),
            'conv1d.weight': (1536, 1, 4),
            'conv1d.bias': (1536,),
            'x_proj.weight': (80, 1536),
            'dt_proj.weight': (1536, 48),
            'dt_proj.bias': (1536,),
            'A_log': (1536, 16),
            'D': (1536,),
            'out_proj.weight': (768, 1536),
        }
        for name, shape in mixer.items():
            shapes[f'Mamba.0.layers.0.mixer.{name}'] = shape
    for name, shape in layers.items():
        shapes[f'{start}{name}.weight'] = shape
        shapes[f'{start}{name}.bias'] = shape[:1]
    for name in norms:
        shapes[f'{start}{name}.weight'] = (768,)
        shapes[f'{start}{name}.bias'] = (768,)
    return shapes


@pytest.fixture(scope='module')
def neck():
    converted = {
        name.removeprefix('caption_neck.'): value
        for name, value in convert_neck(weights(neck_shapes())).items()
    }
    model = CaMaNeck().eval()
    left = model.load_state_dict(converted, strict=False)
    assert not left.unexpected_keys
    assert all('num_batches' in name for name in left.missing_keys)
    return model.requires_grad_(False)


@pytest.fixture(scope='module')
def maps():
    return [
        torch.as_tensor(spread(name, (1, 49, 768)), dtype=torch.float32)
        .transpose(1, 2)
        .unflatten(2, (7, 7))
        for name in ('featA', 'featB')
    ]


@pytest.fixture(scope='module')
def tokens(neck, maps):
    return neck((maps[0],), (maps[1],))


def build_decoder(kind):
    cls, sizes = {
        'transformer': (TransformerCaptionDecoder, dict(heads=8)),
        'gpt': (PrefixGPTDecoder, dict(heads=12)),
        'mamba': (PrefixMambaDecoder, dict()),
    }[kind]
    decoder = cls(768, num_words=NUM_WORDS, max_length=42, **sizes)
    converted = decoder_converter('')(weights(decoder_shapes(kind)))
    decoder.load_state_dict(converted, strict=True)
    return decoder.eval().requires_grad_(False)


def test_inputs(maps):
    tokens = maps[0].flatten(2).transpose(1, 2)
    expected = torch.tensor([0.979337, -0.098181, 0.625720])
    torch.testing.assert_close(tokens[0, 0, :3], expected, rtol=0, atol=1e-6)


def test_blocks_of_the_neck(neck, maps):
    a, b = (neck.positions(x).flatten(2).transpose(1, 2) for x in maps)
    check(
        a,
        -0.002860,
        0.582095,
        [1.051787, -0.094533, 0.545302],
        [0.079989, -0.585541],
    )
    check(
        neck.layers[0].spatial[0](a, b - a),
        -0.005509,
        1.010288,
        [2.010822, -0.185934, 0.466596],
        [1.553576, -0.638517],
    )
    check(
        neck.layers[0].temporal(torch.cat([a, b], dim=1)),
        -0.001746,
        1.004305,
        [1.656535, -0.149865, 1.009569],
        [-0.142036, -0.323375],
    )


def test_neck(neck, tokens):
    assert neck.alpha.item() == pytest.approx(0.0735, abs=1e-4)
    check(
        tokens.transpose(1, 2),
        0.000644,
        1.003369,
        [-0.195651, 1.798335, -0.760743],
        [-0.838261, -0.790474],
    )


@pytest.mark.parametrize(
    ('kind', 'scores', 'loss', 'best'),
    [
        (
            'transformer',
            (
                0.005268,
                1.365654,
                [0.222813, -2.324312, 1.527462],
                [2.209141, 0.123590],
            ),
            6.372592,
            [86, 86, 315, 355, 414],
        ),
        (
            'gpt',
            (
                -0.058841,
                1.000771,
                [-0.397436, -1.361876, 0.162457],
                [0.414473, -0.631941],
            ),
            5.953757,
            [425, 425, 425, 425, 414],
        ),
        (
            'mamba',
            (
                -0.049004,
                0.977617,
                [-0.388774, -0.910621, 0.475652],
                [-0.051002, 0.577322],
            ),
            6.289664,
            [168, 168, 29, 29, 29],
        ),
    ],
)
def test_decoders(tokens, kind, scores, loss, best):
    logits = build_decoder(kind)(WORDS[:, :-1], tokens)
    check(logits, *scores)
    ours = F.cross_entropy(logits[0], WORDS[0, 1:])
    assert ours.item() == pytest.approx(loss, abs=2e-4)
    assert logits[0].argmax(1).tolist() == best


def test_greedy_sentence(tokens):
    (caption,) = greedy_search(build_decoder('transformer'), tokens)
    assert caption.ids[:17] == [
        *(86, 168, 315, 355, 414, 255, 261, 261, 261),
        *(261, 29, 29, 404, 404, 442, 442, 188),
    ]
