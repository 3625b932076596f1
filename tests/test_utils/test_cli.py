import pytest
from mmengine.config import Config
from mmengine.registry import Registry

from mmrs.config import check_device, innermost, load_config, model_config
from mmrs.errors import InputError
from mmrs.utils.cli import describe, run_tool


def fail_with(error):
    def _main():
        raise error

    return _main


def test_mendable_error_ends_in_one_line(monkeypatch):
    monkeypatch.delenv('MMRS_TRACE', raising=False)
    with pytest.raises(SystemExit) as end:
        run_tool(fail_with(InputError('data/x is missing: get it')))
    assert end.value.code == (
        'error: data/x is missing: get it (MMRS_TRACE=1 shows the trace)'
    )


def test_error_is_raised_whole_on_demand(monkeypatch):
    monkeypatch.setenv('MMRS_TRACE', '1')
    with pytest.raises(InputError, match='data/x'):
        run_tool(fail_with(InputError('data/x')))


def test_bugs_are_raised():
    for bug in (ZeroDivisionError('0'), KeyError('model'), ValueError('x')):
        with pytest.raises(type(bug)):
            run_tool(fail_with(bug))


def test_unknown_type_is_mendable():
    registry = Registry('model', scope='mmrs')
    with pytest.raises(KeyError) as caught:
        registry.build(dict(type='RSPromter'))
    message = describe(caught.value)
    assert message.startswith('RSPromter is not in the mmrs::model registry:')
    assert 'custom_imports' in message


def test_error_of_a_loading_process_loses_its_trace():
    error = InputError(
        'Caught InputError in DataLoader worker process 0.\n'
        'Original Traceback (most recent call last):\n'
        '  File "x.py", line 1, in __getitem__\n'
        'mmrs.errors.InputError: a.jpg is truncated: get it again\n'
    )
    assert describe(error) == 'a.jpg is truncated: get it again'


def test_config_errors_name_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'configs').mkdir()
    (tmp_path / 'configs' / 'rsmamba_b.py').write_text('a = [dict(x=1)]')
    cases = {
        'rsmamba-b.py': (None, 'does not exist; did you mean .*rsmamba_b.py'),
        'open.py': ('a = (', 'open.py cannot be read: SyntaxError'),
        'bases.py': ("_base_ = 'no.py'", 'bases.py cannot be read: FileNot'),
        'imports.py': (
            "custom_imports = dict(imports=['no_such_library'])",
            "needs a module .* No module named 'no_such_library'; `pip",
        ),
        'model.pth': ('weights', 'model.pth cannot be read: OSError'),
    }
    for name, (text, message) in cases.items():
        if text is not None:
            (tmp_path / name).write_text(text)
        with pytest.raises(InputError, match=message):
            load_config(name)
    with pytest.raises(InputError, match='--cfg-options do not fit'):
        load_config('configs/rsmamba_b.py', {'a.5.x': 1})
    assert load_config('configs/rsmamba_b.py', {'a.0.x': 2}).a == [{'x': 2}]


def test_device_that_is_not_there(monkeypatch):
    check_device(None)
    check_device('cpu')
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    with pytest.raises(InputError, match='device cuda was asked for, but Py'):
        check_device('cuda')
    monkeypatch.setattr('torch.cuda.is_available', lambda: True)
    monkeypatch.setattr('torch.cuda.device_count', lambda: 1)
    check_device('cuda:0')
    with pytest.raises(InputError, match='there are only 1 GPUs'):
        check_device('cuda:1')


def test_innermost_data_set():
    inner = dict(type='A')
    wrapped = dict(type='Repeat', dataset=dict(type='B', dataset=inner))
    assert innermost(wrapped) is inner
    assert innermost(inner) is inner


def test_model_gets_the_preprocessor_of_the_config():
    cfg = Config(dict(model=dict(width=8), data_preprocessor=dict(mean=1)))
    assert model_config(cfg) == dict(width=8, data_preprocessor=dict(mean=1))
    assert 'data_preprocessor' not in cfg.model
    cfg.model.data_preprocessor = dict(mean=2)
    assert model_config(cfg).data_preprocessor == dict(mean=2)
    plain = Config(dict(model=dict(width=8)))
    assert model_config(plain) == dict(width=8)
