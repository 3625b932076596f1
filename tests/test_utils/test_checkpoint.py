import os

import pytest
import torch
from torch import nn

from mmrs.errors import InputError
from mmrs.utils.checkpoint import (
    find_last_complete,
    load_weights,
    read_checkpoint,
)


def two_layers(width: int = 3) -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, width), nn.Linear(width, 1))


def test_bare_and_wrapped_state_dicts_are_read(tmp_path):
    state_dict = two_layers().state_dict()
    torch.save(state_dict, tmp_path / 'bare.pth')
    torch.save({'state_dict': state_dict, 'meta': {}}, tmp_path / 'run.pth')
    for name in ('bare.pth', 'run.pth'):
        read = read_checkpoint(str(tmp_path / name))['state_dict']
        assert read.keys() == state_dict.keys()


def test_state_dicts_of_parts_are_read_as_one(tmp_path):
    encoder, decoder = two_layers(), two_layers(4)
    content = dict(
        epoch=7,
        encoder_dict=encoder.state_dict(),
        decoder_dict=decoder.state_dict(),
        optimizer_dict=torch.optim.SGD(encoder.parameters()).state_dict(),
        vocabulary=['a', 'b'],
    )
    torch.save(content, tmp_path / 'parts.pth')
    read = read_checkpoint(str(tmp_path / 'parts.pth'))
    assert list(read) == ['state_dict']
    expected = {
        f'{part}_dict.{name}': value
        for part, model in dict(encoder=encoder, decoder=decoder).items()
        for name, value in model.state_dict().items()
    }
    assert list(read['state_dict']) == list(expected)
    for name, value in expected.items():
        assert torch.equal(read['state_dict'][name], value)


def test_weights_of_torchscript_are_read(tmp_path):
    model = two_layers().half()
    point = torch.ones(1, 2).half()
    torch.jit.save(torch.jit.trace(model, point), tmp_path / 'clip.pt')
    read = read_checkpoint(str(tmp_path / 'clip.pt'))['state_dict']
    assert read.keys() == model.state_dict().keys()
    for name, value in model.state_dict().items():
        assert torch.equal(read[name], value)


@pytest.mark.parametrize('text', ['', 'hello\n' * 20, '{"a": 1}', 'PK\x03'])
def test_other_files_are_no_checkpoints(tmp_path, text):
    file = tmp_path / 'x.pth'
    file.write_text(text)
    with pytest.raises(InputError, match='x.pth is not a checkpoint'):
        read_checkpoint(str(file))


def test_meta_of_another_kind_is_left_out(tmp_path):
    state_dict = two_layers().state_dict()
    for meta, kept in (({'epoch': 1}, True), ('epoch 1', False)):
        torch.save(dict(state_dict=state_dict, meta=meta), tmp_path / 'x.pth')
        assert ('meta' in read_checkpoint(str(tmp_path / 'x.pth'))) == kept


def test_cut_off_checkpoint(tmp_path):
    file = tmp_path / 'x.pth'
    torch.save(two_layers().state_dict(), file)
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(InputError, match='x.pth .* is damaged'):
        read_checkpoint(str(file))


def test_missing_checkpoint():
    with pytest.raises(InputError, match='no.pth does not exist'):
        read_checkpoint('no.pth')


@pytest.mark.parametrize('content', [[1, 2], {'epoch': 3}])
def test_file_without_weights(tmp_path, content):
    file = tmp_path / 'x.pth'
    torch.save(content, file)
    with pytest.raises(InputError, match='x.pth holds no state dict'):
        read_checkpoint(str(file))


def test_weights_are_loaded_and_the_unused_named():
    source, target = two_layers(), two_layers()
    weights = {f'module.{k}': v for k, v in source.state_dict().items()}
    weights['teacher.weight'] = torch.ones(1)
    unused = load_weights(target, {'state_dict': weights}, 'x.pth')
    assert unused == ['teacher.weight']
    point = torch.ones(1, 2)
    assert torch.equal(source(point), target(point))


def test_weights_of_another_model():
    other = {'state_dict': nn.Conv2d(3, 4, 3).state_dict()}
    with pytest.raises(
        InputError,
        match=r'x.pth is of another model: none of its 2 names \(first: '
        r'weight\) is one of the 4 of Sequential \(first: 0.weight\)',
    ):
        load_weights(two_layers(), other, 'x.pth')


def test_weights_of_another_width():
    other = {'state_dict': two_layers(width=5).state_dict()}
    with pytest.raises(
        InputError,
        match=r'another architecture .*: 3 shapes differ, first: 0.weight is '
        r'\(5, 2\) there and \(3, 2\) here',
    ):
        load_weights(two_layers(), other, 'x.pth')


def test_incomplete_weights_change_nothing():
    model = two_layers()
    before = model[0].weight.clone()
    part = {'0.weight': torch.zeros(3, 2)}
    with pytest.raises(InputError, match='lacks 3 of the 4 .* first: 0.bias'):
        load_weights(model, {'state_dict': part}, 'x.pth')
    assert torch.equal(model[0].weight, before)


def test_last_complete_checkpoint(tmp_path):
    assert find_last_complete(tmp_path) is None
    for age, name in enumerate(['best_1.pth', 'epoch_10.pth', 'epoch_9.pth']):
        torch.save(two_layers().state_dict(), tmp_path / name)
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    assert find_last_complete(tmp_path).name == 'epoch_10.pth'
    whole = (tmp_path / 'epoch_10.pth').read_bytes()
    (tmp_path / 'epoch_10.pth').write_bytes(whole[:-1])
    assert find_last_complete(tmp_path).name == 'epoch_9.pth'
    (tmp_path / 'epoch_9.pth').write_bytes(b'')
    assert find_last_complete(tmp_path) is None
