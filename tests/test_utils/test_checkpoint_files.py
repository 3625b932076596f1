"""Files of weights: what is read, and what is refused before it runs."""

import copyreg
import io
import json
import os
import pickle
import threading
import zipfile
from collections import OrderedDict
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.optim import OneCycleLR
from mmengine.runner import CheckpointLoader
from mmengine.runner import load_checkpoint as mmengine_load
from torch import nn

from mmrs.errors import InputError
from mmrs.utils.checkpoint_files import (
    check_suffix,
    encode_checkpoint,
    read_file,
    run_file,
)


class Call:
    """Calls a function when it is unpickled."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


@pytest.fixture
def touch(tmp_path):
    """What creates the file ``ran`` when it is unpickled."""
    return Call(os.system, f'touch {tmp_path / "ran"}')


@pytest.fixture(params=['zip', 'legacy', 'pickle', 'dotted'])
def hostile(request, touch, tmp_path):
    """A file that runs code when it is opened without care."""
    path = tmp_path / 'hostile.pth'
    content = dict(state_dict=dict(w=touch), meta={})
    if request.param == 'pickle':
        path.write_bytes(pickle.dumps(content))
    elif request.param == 'dotted':  # reaches the function by getattr
        content = Call(getattr, HistoryBuffer.mean, '__globals__')
        torch.save(dict(state_dict=content), path)
    else:
        zipped = request.param == 'zip'
        torch.save(content, path, _use_new_zipfile_serialization=zipped)
    return path


def test_code_is_refused_before_it_runs(hostile, tmp_path):
    with pytest.raises(InputError) as refusal:
        read_file(hostile)
    assert not (tmp_path / 'ran').exists()
    words = f'checkpoint {hostile} is refused, nothing in it was run: '
    assert str(refusal.value).startswith(words)
    assert '\n' not in str(refusal.value)


@pytest.mark.parametrize(
    ('function', 'args', 'named'),
    [
        (os.system, ('true',), 'posix.system'),
        (eval, ('1',), 'eval'),
        (getattr, (np.ndarray, 'tofile'), 'getattr'),
        (getattr, (HistoryBuffer, 'register_statistics'), 'getattr'),
        (OrderedDict.fromkeys, ('ab',), 'getattr'),
        (partial, (print,), 'functools.partial'),
        (np.load, ('x.npy',), 'numpy.load'),
    ],
)
def test_refusal_names_file_class_and_way_out(tmp_path, function, args, named):
    path = tmp_path / 'x.pth'
    torch.save(dict(w=Call(function, *args)), path)
    with pytest.raises(
        InputError,
        match=f'x.pth is refused, nothing in it was run: .* asks for {named};'
        '.*/convert.py METHOD SRC DST --unsafe',
    ):
        read_file(path)


def test_what_others_allow_is_not_allowed_here(tmp_path):
    torch.save(dict(w=Call(partial, print)), tmp_path / 'x.pth')
    with torch.serialization.safe_globals([partial]):
        allowed = set(torch.serialization.get_safe_globals())
        with pytest.raises(InputError, match='functools.partial'):
            read_file(tmp_path / 'x.pth')
        assert partial in allowed
        assert set(torch.serialization.get_safe_globals()) == allowed


@pytest.mark.parametrize(
    'way',
    [
        lambda path: CheckpointLoader.load_checkpoint(path),
        lambda path: mmengine_load(nn.Linear(1, 1), path),
    ],
    ids=['loader', 'load_checkpoint'],
)
def test_mmengine_reads_by_the_same_gate(hostile, tmp_path, way):
    with pytest.raises(InputError, match='hostile.pth'):
        way(str(hostile))
    assert not (tmp_path / 'ran').exists()


@pytest.mark.parametrize('prefix', [None, 'backbone'])
def test_pretrained_parts_are_read_by_the_same_gate(touch, tmp_path, prefix):
    from mmengine.model import BaseModule

    torch.save({'backbone.w': touch}, tmp_path / 'x.pth')
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'x.pth'))
    if prefix:
        init_cfg['prefix'] = prefix
    with pytest.raises(InputError, match='x.pth is refused'):
        BaseModule(init_cfg).init_weights()
    assert not (tmp_path / 'ran').exists()


@pytest.fixture
def served(tmp_path):
    """The address that serves the files of ``tmp_path / 'served'``."""
    folder = tmp_path / 'served'
    folder.mkdir()
    handler = partial(SimpleHTTPRequestHandler, directory=folder)
    with ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f'http://127.0.0.1:{server.server_port}'
        server.shutdown()


def test_urls_are_downloaded_and_read(served, touch, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    torch.save(dict(w=torch.ones(2)), tmp_path / 'served' / 'good.pth')
    torch.save(dict(w=touch), tmp_path / 'served' / 'bad.pth')
    load = CheckpointLoader.load_checkpoint
    assert torch.equal(load(f'{served}/good.pth?x=1')['w'], torch.ones(2))
    assert (tmp_path / 'hub' / 'checkpoints' / 'good.pth').is_file()
    (tmp_path / 'served' / 'good.pth').unlink()
    assert 'w' in load(f'{served}/good.pth')
    with pytest.raises(InputError, match='bad.pth is refused'):
        load(f'{served}/bad.pth')
    assert not (tmp_path / 'ran').exists()
    with pytest.raises(InputError, match='none.pth cannot be downloaded'):
        load(f'{served}/none.pth')


def test_what_the_runner_saves_is_read(tmp_path):
    logs = HistoryBuffer([0.5, 0.25], [1, 1])
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.1)
    schedule = OneCycleLR(optimizer, eta_max=0.1, total_steps=9)
    content = dict(
        state_dict=OrderedDict(w=torch.ones(2)),
        optimizer=optimizer.state_dict(),
        param_schedulers=[schedule.state_dict()],
        message_hub=dict(log_scalars=OrderedDict(loss=logs)),
        meta=dict(
            epoch=3,
            dataset_meta=dict(
                classes=('a', 'b'),
                mean=np.array([1, 2], np.float32),
                scale=np.float64(0.5),
                names=np.array(['x', 'yz']),
                flags=np.array([True]),
                ids=np.int64(7),
            ),
        ),
    )
    torch.save(content, tmp_path / 'epoch_3.pth')
    read = read_file(tmp_path / 'epoch_3.pth')
    meta = read['meta']['dataset_meta']
    for name, value in content['meta']['dataset_meta'].items():
        np.testing.assert_array_equal(meta[name], value)
    assert meta['mean'].dtype == np.float32
    loss = read['message_hub']['log_scalars']['loss']
    assert type(loss) is HistoryBuffer
    assert (loss.current(), loss.mean()) == (0.25, 0.375)
    schedule.load_state_dict(read['param_schedulers'][0])
    assert schedule.anneal_func(0.0, 1.0, 0.5) == pytest.approx(0.5)


def test_file_does_not_change_what_a_mean_is(tmp_path):
    class Lie:
        def __reduce__(self):
            state = vars(HistoryBuffer([1.0, 3.0], [1, 1]))
            statistics = dict(mean=HistoryBuffer.max)
            state = state | dict(statistics_methods=statistics)
            return copyreg.__newobj__, (HistoryBuffer,), state

        @property
        def __class__(self):  # the pickler compares it
            return HistoryBuffer

    torch.save(dict(log=Lie()), tmp_path / 'x.pth')
    log = read_file(tmp_path / 'x.pth')['log']
    assert log.statistics('mean') == log.mean() == 2
    assert HistoryBuffer([1.0, 3.0], [1, 1]).statistics('mean') == 2


def test_arrays_of_numpy_1_are_read(tmp_path):
    path = tmp_path / 'x.pth'
    torch.save(dict(mean=np.ones(2)), path)
    old = tmp_path / 'old.pth'
    with zipfile.ZipFile(path) as new, zipfile.ZipFile(old, 'w') as archive:
        for name in new.namelist():
            content = new.read(name)
            if name.endswith('data.pkl'):
                assert b'numpy._core.multiarray' in content
                content = content.replace(b'numpy._core', b'numpy.core')
            archive.writestr(name, content)
    np.testing.assert_array_equal(read_file(old)['mean'], [1, 1])


def test_program_in_the_meta_is_left_out(tmp_path):
    meta = dict(config='import os', epoch=1)
    torch.save(dict(state_dict={}, meta=meta), tmp_path / 'x.pth')
    assert read_file(tmp_path / 'x.pth')['meta'] == dict(epoch=1)


def test_open_files_and_places_are_read(tmp_path):
    buffer = io.BytesIO(encode_checkpoint({'state_dict': {}}, '.pth'))
    assert read_file(buffer) == {'state_dict': {}}
    for suffix in ('.pth', '.safetensors'):
        path = tmp_path / f'x{suffix}'
        content = encode_checkpoint(
            dict(state_dict={'w': torch.ones(2)}), suffix
        )
        path.write_bytes(content)
        for place in ('cpu', torch.device('cpu'), None, lambda s, _: s):
            assert read_file(path, place)['state_dict']['w'].shape == (2,)


def test_missing_file():
    with pytest.raises(FileNotFoundError, match='no.pth does not exist'):
        read_file('no.pth')


def test_safetensors_hold_weights_and_meta(tmp_path):
    tied = torch.arange(6.0).view(2, 3)
    weights = dict(a=tied, b=tied, c=tied.t(), half=torch.ones(2).half())
    meta = dict(dataset_meta=dict(classes=['Haus', 'Straße']), epoch=3)
    content = encode_checkpoint(
        dict(state_dict=weights, meta=meta), '.safetensors'
    )
    (tmp_path / 'x.safetensors').write_bytes(content)
    read = read_file(tmp_path / 'x.safetensors')
    assert read['meta'] == meta
    assert read['state_dict'].keys() == weights.keys()
    for name, value in weights.items():
        assert torch.equal(read['state_dict'][name], value)
        assert read['state_dict'][name].dtype == value.dtype


def test_safetensors_of_others_have_no_meta(tmp_path):
    from safetensors.torch import save_file

    path = tmp_path / 'x.safetensors'
    save_file(dict(w=torch.ones(2)), path, dict(format='pt'))
    assert list(read_file(path)) == ['state_dict']


def test_safetensors_refuse_what_they_cannot_hold():
    weights = dict(w=torch.ones(2), steps=3)
    with pytest.raises(InputError, match='steps is another value; .* .pth'):
        encode_checkpoint(dict(state_dict=weights), '.safetensors')


@pytest.mark.parametrize('name', ['x.bin', 'x', 'x.pth.zip'])
def test_other_formats_are_not_written(name):
    with pytest.raises(InputError, match=f'{name}: .* .pth or .safetensors'):
        check_suffix(name)


class Scaled(nn.Module):
    """Parameters, buffers, lists and plain attributes of all kinds."""

    scales: list[float]

    def __init__(self):
        super().__init__()
        self.scales = [0.5, 2.0]
        self.layers = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
        self.register_buffer('empty', torch.empty(0, 2))
        self.shared = self.layers[0].weight

    def forward(self, x):
        return self.layers(x) * self.scales[0]


@pytest.mark.parametrize('dtype', [torch.float32, torch.half, torch.bfloat16])
def test_weights_of_torchscript_are_those_of_the_module(tmp_path, dtype):
    model = Scaled().to(dtype)
    torch.jit.save(torch.jit.script(model), tmp_path / 'x.pt')
    read = read_file(tmp_path / 'x.pt')
    assert read.keys() == model.state_dict().keys()
    for name, value in model.state_dict().items():
        assert torch.equal(read[name], value)
        assert read[name].dtype == value.dtype


def test_program_of_torchscript_is_not_run(tmp_path):
    class Loud(nn.Module):
        @torch.jit.export
        def __getstate__(self):
            return torch.ones(2), self.training

        @torch.jit.export
        def __setstate__(self, state: tuple[torch.Tensor, bool]):
            print('RAN')

        def forward(self, x):
            return x

    torch.jit.save(torch.jit.script(Loud()), tmp_path / 'x.pt')
    with pytest.raises(InputError, match='x.pt'):
        read_file(tmp_path / 'x.pt')


def test_pickle_in_torchscript_is_refused(tmp_path, touch):
    path = tmp_path / 'x.pt'
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('x/constants.pkl', pickle.dumps(()))
        archive.writestr('x/data.pkl', pickle.dumps(touch))
    with pytest.raises(InputError, match='asks for posix.system'):
        read_file(path)
    assert not (tmp_path / 'ran').exists()


def test_code_runs_where_it_is_asked_for(tmp_path, touch):
    torch.save(dict(w=touch), tmp_path / 'x.pth')
    assert run_file(tmp_path / 'x.pth') == dict(w=0)
    assert (tmp_path / 'ran').exists()
    (tmp_path / 'x.pth').write_bytes(b'not a pickle')
    with pytest.raises(InputError, match='--unsafe either: Unpickling'):
        run_file(tmp_path / 'x.pth')
    with pytest.raises(InputError, match='no.pth does not exist'):
        run_file('no.pth')


def test_damaged_meta(tmp_path):
    from safetensors.torch import save_file

    path = tmp_path / 'x.safetensors'
    save_file(dict(w=torch.ones(2)), path, dict(meta='{"a": '))
    with pytest.raises(InputError, match='x.safetensors .* is damaged'):
        read_file(path)
    save_file(dict(w=torch.ones(2)), path, dict(meta=json.dumps({'a': 1})))
    assert read_file(path)['meta'] == {'a': 1}
