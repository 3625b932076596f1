import json

import numpy as np
import pytest
import torch

from mmrs.errors import InputError
from parity.files import compare, read_parity_file, weight_by_rule


def as_bytes(value) -> np.ndarray:
    return np.frombuffer(json.dumps(value).encode(), dtype=np.uint8)


def test_stored_weights_come_before_those_by_rule(tmp_path):
    file = tmp_path / 'x.npz'
    stored = np.arange(3, dtype=np.float32)
    np.savez(
        file,
        meta=as_bytes({'seed': 5, 'img_size': 8}),
        keys=as_bytes(
            {
                'a.weight': [[3], 'float32'],
                'b.weight': [[2, 2], 'float32'],
            }
        ),
        **{'sd/a.weight': stored, 'io/img': stored + 1},
    )
    meta, state_dict, io = read_parity_file(file)
    assert meta['img_size'] == 8
    assert state_dict['a.weight'].tolist() == [0, 1, 2]
    by_rule = weight_by_rule('b.weight', [2, 2], 'float32', 5)
    assert torch.equal(state_dict['b.weight'], by_rule)
    assert io['img'].tolist() == [1, 2, 3]


def test_rule_scales_by_the_kind_of_weight():
    def rule(name, shape, dtype='float32'):
        return weight_by_rule(name, shape, dtype, 1)

    kernel = rule('conv.weight', [400, 25, 2, 2])
    assert kernel.std().item() == pytest.approx(0.1, rel=0.05)
    scale = rule('norm.weight', [4000])
    assert scale.mean().item() == pytest.approx(1, abs=0.02)
    assert scale.std().item() == pytest.approx(0.1, rel=0.1)
    assert rule('norm.bias', [4000]).mean().abs() < 0.02
    assert rule('norm.running_mean', [4000]).std() < 0.11
    assert rule('norm.running_var', [4000]).min() >= 0.5
    count = rule('norm.num_batches_tracked', [], 'int64')
    assert count.dtype == torch.int64 and count == 0
    assert not torch.equal(rule('a.bias', [4]), rule('b.bias', [4]))


def test_rule_gives_the_values_of_the_files(shared_golden):
    state_dict = read_parity_file(shared_golden / 'mci.npz').state_dict
    assert state_dict
    import runpy

    golden = runpy.run_path(str(shared_golden / 'golden.py'))
    _, reference, _ = golden['load'](shared_golden / 'mci.npz')
    assert state_dict.keys() == reference.keys()
    for name, value in reference.items():
        assert torch.equal(state_dict[name], value), name


def test_other_files_are_refused(tmp_path):
    with pytest.raises(InputError, match='no.npz does not exist'):
        read_parity_file(tmp_path / 'no.npz')
    (tmp_path / 'text.npz').write_text('hello')
    np.savez(tmp_path / 'other.npz', a=1)
    for name in ('text.npz', 'other.npz'):
        with pytest.raises(InputError, match=f'{name} is not a parity file'):
            read_parity_file(tmp_path / name)


@pytest.mark.parametrize(
    ('ours', 'within'),
    [
        ([1.0, 100.0], True),
        ([1.0, 100.09], True),
        ([1.0, 100.2], False),
        ([1.002, 100.0], False),
        ([float('nan'), 100.0], False),
    ],
)
def test_tolerance(ours, within):
    reference = torch.tensor([1.0, 100.0])
    assert compare(torch.tensor(ours), reference).within is within


def test_worst_errors():
    deviation = compare(torch.tensor([0.05, 2.2]), torch.tensor([0.0, 2.0]))
    assert deviation.absolute == pytest.approx(0.2)
    assert deviation.relative == pytest.approx(0.1)


def test_shapes_must_agree():
    with pytest.raises(InputError, match=r'ours is \(2,\), the reference'):
        compare(torch.zeros(2), torch.zeros(1, 2))
