import runpy

import pytest
import torch
from parity.files import compare, read_parity_file
from parity.rsmamba import run_parity
from rsmamba_toys import ARCH, build

from mmrs.errors import InputError
from mmrs.models.rsmamba import RSMamba
from mmrs.models.rsmamba.archs import ARCHS
from mmrs.models.rsmamba.converters import convert_released, infer_arch


def released(num_classes=5, **kwargs):
    """A classifier's state dict, under the authors' names."""
    state_dict = {
        f'backbone.{k}': v for k, v in build(**kwargs).state_dict().items()
    }
    state_dict['head.fc.weight'] = torch.randn(num_classes, 16)
    state_dict['head.fc.bias'] = torch.randn(num_classes)
    return state_dict


@pytest.mark.parametrize(
    'kwargs',
    [
        dict(),
        dict(path_type='forward'),
        dict(cls_position='head_tail', out_type='cls_token'),
        dict(pe_type='none'),
    ],
)
def test_released_checkpoints_convert_whole(kwargs):
    state_dict = released(**kwargs)
    converted = convert_released(state_dict)
    assert converted.keys() == state_dict.keys()
    weights = {
        k.removeprefix('backbone.'): v
        for k, v in converted.items()
        if k.startswith('backbone.')
    }
    build(**kwargs).load_state_dict(weights, strict=True)


def test_unknown_names_are_refused():
    state_dict = released() | {'backbone.layers.0.norm.weight': torch.ones(1)}
    with pytest.raises(InputError, match=r'1 of .*: backbone\.layers\.0\.nor'):
        convert_released(state_dict)


@pytest.mark.parametrize(
    'name', ['layers.0.A_log', 'layers.1', 'patch_embed.projection.weight']
)
def test_lost_parts_are_refused(name):
    state_dict = {
        k: v
        for k, v in released().items()
        if not k.startswith(f'backbone.{name}')
    }
    with pytest.raises(InputError, match=f'{name}.* is missing'):
        convert_released(state_dict)


def test_sizes_are_read_off_the_weights():
    sizes = infer_arch(released(cls_position='head_tail'))
    assert sizes.arch == tuple(ARCH.values())
    assert sizes.arch_name is None
    assert sizes.num_classes == 5
    assert (sizes.img_tokens, sizes.cls_tokens) == (66, 2)
    assert sizes.gate_paths == 3
    assert (sizes.patch_size, sizes.in_channels) == ((8, 8), 3)
    bare = build(pe_type='none', path_type='forward').state_dict()
    sizes = infer_arch(bare)
    assert sizes.num_classes is None
    assert (sizes.img_tokens, sizes.gate_paths) == (None, None)


@pytest.mark.parametrize('name', ARCHS)
def test_named_sizes_are_recognised(name):
    with torch.device('meta'):
        state_dict = RSMamba(name).state_dict()
    assert infer_arch(state_dict).arch_name == name


def test_outputs_and_gradients_equal_the_authors(shared_golden):
    file = read_parity_file(shared_golden / 'rsmamba.npz')
    pairs = run_parity('rsmamba', file.meta, file.state_dict, file.io)
    checked = {k for k in file.io if k.startswith(('y_', 'grad_', 'loss_'))}
    assert set(pairs) == checked
    assert len(checked) == 7
    for name, (ours, theirs) in pairs.items():
        assert compare(ours, theirs).within, name


def test_parity_files_of_other_sizes():
    sizes = dict(embed_dims=24, num_layers=2, feedforward_channels=40)
    model = build(arch=sizes, img_size=24, out_type='raw').eval()
    x = torch.randn(1, 3, 24, 24)
    permutations = [torch.randperm(36) for _ in range(2)]
    meta = dict(img_size=24, stride=4, out_type='raw')
    io = {f'perm_{i}': p for i, p in enumerate(permutations)}
    name = 'y_forward_reverse_shuffle_gate'
    with torch.no_grad():
        io |= {'x': x, name: model(x, permutations)[0]}
    (pair,) = run_parity('rsmamba', meta, model.state_dict(), io).values()
    torch.testing.assert_close(*pair)


def test_converted_checkpoint_says_its_sizes(tmp_path, repo_root, monkeypatch):
    torch.save(dict(state_dict=released()), tmp_path / 'authors.pth')
    tool = repo_root / 'tools' / 'model_converters' / 'convert.py'
    words = ['rsmamba', tmp_path / 'authors.pth', tmp_path / 'ours.pth']
    monkeypatch.setattr('sys.argv', [str(tool), *map(str, words)])
    runpy.run_path(str(tool), run_name='__main__')
    ours = torch.load(tmp_path / 'ours.pth', weights_only=True)
    assert ours['meta']['arch'] == ARCH
    assert ours['meta']['num_classes'] == 5
    assert ours['state_dict'].keys() == released().keys()
