import runpy

import pytest
import torch
from hashed_weights import weight
from mci_toys import count, released_shapes
from parity.files import compare, read_parity_file
from parity.mci import run_parity

from mmrs.errors import InputError
from mmrs.models.mci.converters import (
    convert_released,
    describe,
    infer_model,
)
from mmrs.registry import MODELS

TINY = dict(
    dims=(8, 16, 40, 64),
    depths=(1, 2, 1, 1),
    layers=2,
    hidden=32,
    positions=4,
    classes=2,
    words=11,
)


def released(**kwargs):
    """The parts of a checkpoint as the authors release them."""
    return {
        part: {
            name: weight(name, shape)
            if 'num_batches' not in name
            else torch.tensor(7)
            for name, shape in shapes.items()
        }
        for part, shapes in released_shapes(**(TINY | kwargs)).items()
    }


def joined(parts):
    return {
        f'{part}.{name}': value
        for part, weights in parts.items()
        for name, value in weights.items()
    }


def test_released_checkpoints_convert_whole():
    converted = convert_released(joined(released()))
    model = MODELS.build(infer_model(converted))
    model.load_state_dict(converted, strict=True)
    assert model.mask_head.num_classes == 2
    assert model.caption_head.num_words == 11
    assert len(model.caption_neck.layers) == 2
    assert [len(stage.blocks) for stage in model.backbone.stages] == [
        1,
        2,
        1,
        1,
    ]
    # Positions are by column in the table that is named after the height.
    table = weight('h_embedding.weight', (4, 32))
    assert torch.equal(model.caption_neck.positions.col, table)
    table = weight('w_embedding_CD.weight', (4, 32))
    assert torch.equal(model.mask_neck.positions.row, table)


def test_number_of_names_and_parameters_is_the_release():
    shapes = released_shapes()
    assert len(shapes['encoder_trans_dict']) == 966
    # and the buffer of the sinusoids
    assert len(shapes['decoder_dict']) == 51
    total = sum(map(count, shapes.values())) / 1e6
    assert total == pytest.approx(130.5, abs=0.1)
    used = sum(map(count, released_shapes(idle=False).values())) / 1e6
    assert used == pytest.approx(117.7, abs=0.1)
    with torch.device('meta'):
        converted = convert_released(
            {k: torch.empty(v) for k, v in joined(shapes).items()}
        )
        model = MODELS.build(infer_model(converted))
    ours = sum(p.numel() for p in model.parameters()) / 1e6
    assert ours == pytest.approx(used)
    assert describe(converted) == dict(
        backbone=dict(
            type='MiTBackbone', arch='b1', in_channels=3, mlp_ratio=4
        ),
        num_words=468,
        num_classes=3,
    )


def names_of_parts():
    return [
        'encoder_dict.cnn.segformer.block2.1.mlp.fc1.weight',
        'encoder_dict.cnn.segformer.block2.0.attn.sr.bias',
        'encoder_trans_dict.w_embedding.weight',
        'encoder_trans_dict.Transformer_aug_CD.1.0.att.to_k.bias',
        'encoder_trans_dict.Dynamic_DIF_aware_TR.0.1.Q_d_conv.BN.running_var',
        'encoder_trans_dict.conv_fuse.2.3.weight',
        'encoder_trans_dict.to_seg.1.bias',
        'decoder_dict.LN.left.4.weight',
        'decoder_dict.wdc.bias',
        'decoder_dict.vocab_embedding.weight',
        'decoder_dict.transformer.layers.0.norm3.bias',
    ]


@pytest.mark.parametrize('name', names_of_parts())
def test_a_lost_weight_is_missed(name):
    state_dict = joined(released())
    del state_dict[name]
    with pytest.raises(InputError, match='lacks|not whole'):
        convert_released(state_dict)


@pytest.mark.parametrize('part', ['encoder', 'encoder_trans', 'decoder'])
def test_a_lost_part_is_missed(part):
    parts = released()
    del parts[f'{part}_dict']
    with pytest.raises(InputError, match='lacks|not whole'):
        convert_released(joined(parts))


@pytest.mark.parametrize(
    'name',
    [
        'encoder_dict.cnn.segformer.block1.0.attn.gate.weight',
        'encoder_trans_dict.Dynamic_DIF_aware_TR.0.0.att.to_z.weight',
        'encoder_trans_dict.Dynamic_DIF_aware_TR.0.0.K_d_conv.conv_2.bias',
        'encoder_trans_dict.conv_more.0.0.weight',
        'decoder_dict.Conv3.weight',
        'optimizer_dict.weight',
    ],
)
def test_unknown_names_are_refused(name):
    state_dict = joined(released()) | {name: torch.ones(1)}
    with pytest.raises(InputError, match='not of|no weight of'):
        convert_released(state_dict)


def test_shapes_that_do_not_fit_are_refused():
    state_dict = joined(released())
    name = 'encoder_trans_dict.Transformer_aug_CD.1.1.att.to_v.weight'
    state_dict[name] = torch.ones(64, 32)
    with pytest.raises(InputError, match=r'layers\.1\.1\.v\.weight has the'):
        convert_released(state_dict)


def test_outputs_equal_the_authors(shared_golden):
    file = read_parity_file(shared_golden / 'mci.npz')
    pairs = run_parity('mci', file.meta, file.state_dict, file.io)
    inputs = {'img_a', 'img_b', 'caption_ids', 'caption_lengths'}
    # The release returns its last map twice.
    assert set(pairs) == set(file.io) - inputs - {'backbone_a_4'}
    for name, (ours, theirs) in pairs.items():
        assert compare(ours, theirs).within, name


@torch.no_grad()
def test_parity_files_of_other_sizes():
    state_dict = joined(released())
    model = MODELS.build(infer_model(convert_released(state_dict), 8, 6))
    model.load_state_dict(convert_released(state_dict))
    model.eval()
    io = dict(img_a=torch.randn(1, 3, 64, 64), img_b=torch.randn(1, 3, 64, 64))
    a, b = model.backbone(io['img_a']), model.backbone(io['img_b'])
    io |= {f'backbone_a_{i}': x for i, x in enumerate(a)}
    io['cap_feat_a'], io['cap_feat_b'] = model.caption_neck.interact(a, b)
    io['caption_ids'] = torch.tensor([[2, 5, 6, 3]])
    outputs = model(io)
    io['seg_logits'] = outputs['mask_logits']
    decoder = model.caption_head.decoder
    io['caption_logits'] = decoder(io['caption_ids'], outputs['tokens'])
    for name in ('greedy', 'beam3'):
        io[name] = torch.zeros(1)
    pairs = run_parity('mci', dict(heads=8, max_len=6), state_dict, io)
    for name, pair in pairs.items():
        if name not in ('greedy', 'beam3'):
            torch.testing.assert_close(*pair)
    assert pairs['greedy'][0][0] == 2


def test_converted_checkpoint_says_its_sizes(tmp_path, repo_root, monkeypatch):
    torch.save(released(), tmp_path / 'MCI_model.pth')
    tool = repo_root / 'tools' / 'model_converters' / 'convert.py'
    words = ['mci', tmp_path / 'MCI_model.pth', tmp_path / 'ours.pth']
    monkeypatch.setattr('sys.argv', [str(tool), *map(str, words)])
    runpy.run_path(str(tool), run_name='__main__')
    ours = torch.load(tmp_path / 'ours.pth', weights_only=True)
    assert ours['meta']['num_words'] == 11
    assert tuple(ours['meta']['backbone']['arch']['dims']) == TINY['dims']
    model = MODELS.build(infer_model(ours['state_dict']))
    model.load_state_dict(ours['state_dict'], strict=True)
