import hashlib
import json
import os

import numpy as np
import pytest
import torch

from mmrs.errors import InputError
from mmrs.utils.checkpoint import read_checkpoint

pytest.importorskip('mmdet')


def exit_status(main_of, *words) -> int:
    with pytest.raises(SystemExit) as end:
        main_of('tests/parity/check_parity.py', *words)
    return end.value.code


def test_parity_of_a_released_network(main_of, shared_golden, capsys):
    file = shared_golden / 'rsprompter_anchor.npz'
    assert exit_status(main_of, 'rsprompter-anchor', file) == 0
    lines = capsys.readouterr().out.splitlines()
    with np.load(file) as archive:
        names = {name[3:] for name in archive if name.startswith('io/')}
    printed = {line.split()[0] for line in lines[1:]}
    assert printed == names - {'img', 'rois'}
    assert not any('OFF' in line for line in lines)


def test_parity_that_does_not_hold(main_of, tmp_path, monkeypatch, capsys):
    from parity import rsprompter as parity

    def run_parity(method, meta, state_dict, io):
        assert (method, meta) == ('rsprompter-query', {'seed': 1})
        return {'far': (io['x'] + 1, io['x']), 'near': (io['x'], io['x'])}

    monkeypatch.setattr(parity, 'run_parity', run_parity)
    meta = np.frombuffer(json.dumps({'seed': 1}).encode(), dtype=np.uint8)
    np.savez(tmp_path / 'x.npz', meta=meta, **{'io/x': np.ones(3)})
    assert exit_status(main_of, 'rsprompter-query', tmp_path / 'x.npz') == 1
    far, near = capsys.readouterr().out.splitlines()[1:]
    assert far.split() == ['far', '1.000e+00', '1.000e+00', 'OFF']
    assert near.split() == ['near', '0.000e+00', '0.000e+00']


def test_converted_checkpoint_is_plain(main_of, tmp_path):
    source = {
        'state_dict': {'neck.weight': torch.ones(2)},
        'optimizer': {'lr': 0.1},
    }
    torch.save(source, tmp_path / 'authors.pth')
    tool = 'tools/model_converters/convert.py'
    result = tmp_path / 'new' / 'ours.pth'
    main_of(tool, 'rsprompter', tmp_path / 'authors.pth', result)
    ours = torch.load(result, weights_only=True)
    assert list(ours) == ['state_dict']
    assert torch.equal(ours['state_dict']['neck.weight'], torch.ones(2))


class Call:
    """Calls a function when it is unpickled."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def test_code_is_run_where_it_is_asked_for_alone(main_of, tmp_path, capsys):
    tool = 'tools/model_converters/convert.py'
    source, result = tmp_path / 'authors.pth', tmp_path / 'x.pth'
    state_dict = {'neck.weight': torch.ones(2)}
    mark = Call(os.mkdir, str(tmp_path / 'ran'))
    torch.save(dict(state_dict=state_dict, args=mark), source)
    with pytest.raises(InputError, match='authors.pth is refused'):
        main_of(tool, 'rsprompter', source, result)
    with pytest.raises(InputError, match='authors.pth is refused'):
        main_of('tools/model_converters/publish.py', source, result)
    assert not (tmp_path / 'ran').exists() and not result.exists()
    capsys.readouterr()
    main_of(tool, 'rsprompter', source, result, '--unsafe')
    assert (tmp_path / 'ran').exists()
    assert 'WARNING: --unsafe: ' in capsys.readouterr().err
    assert list(torch.load(result, weights_only=True)) == ['state_dict']


def test_names_are_kept_and_safetensors_written(main_of, tmp_path):
    weights = {'any.weight': torch.arange(3.0), 'any.steps': 4}
    torch.save(weights, tmp_path / 'x.pth')
    result = tmp_path / 'y.safetensors'
    tool = 'tools/model_converters/convert.py'
    main_of(tool, 'none', tmp_path / 'x.pth', result)
    read = read_checkpoint(str(result))
    assert list(read['state_dict']) == ['any.weight']
    assert torch.equal(read['state_dict']['any.weight'], torch.arange(3.0))


@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
def test_published_file_holds_weights_and_facts(main_of, tmp_path, suffix):
    meta = dict(epoch=3, time='now', dataset_meta=dict(mean=np.array([1.5])))
    state_dict = {'w': torch.arange(3.0)}
    source = dict(state_dict=state_dict, meta=meta, optimizer=dict(lr=1))
    torch.save(source, tmp_path / 'epoch_3.pth')
    tool = 'tools/model_converters/publish.py'
    main_of(tool, tmp_path / 'epoch_3.pth', tmp_path / f'x{suffix}')
    (file,) = tmp_path.glob(f'x-*{suffix}')
    assert file.stem[2:] == hashlib.sha256(file.read_bytes()).hexdigest()[:8]
    if suffix == '.pth':
        assert 'state_dict' in torch.load(file, weights_only=True)
    read = read_checkpoint(str(file))
    assert read['meta'] == dict(epoch=3, dataset_meta=dict(mean=[1.5]))
    assert torch.equal(read['state_dict']['w'], torch.arange(3.0))
    with pytest.raises(InputError, match='x.bin: a checkpoint is written as'):
        main_of(tool, tmp_path / 'epoch_3.pth', tmp_path / 'x.bin')


def test_unknown_method(main_of):
    with pytest.raises(InputError, match='those with one: .*rspr'):
        main_of('tools/model_converters/convert.py', 'rsp', 'a.pth', 'b.pth')
