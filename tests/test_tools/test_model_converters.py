import json

import numpy as np
import pytest
import torch

from mmrs.errors import InputError

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


def test_unknown_method(main_of):
    with pytest.raises(InputError, match='those with one: .*rspr'):
        main_of('tools/model_converters/convert.py', 'rsp', 'a.pth', 'b.pth')
