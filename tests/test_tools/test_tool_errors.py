"""What a user reads after a mistake: one line that says what to do."""

import sys

import pytest

from mmrs.errors import InputError


def the_line(done) -> str:
    """Check that a tool ended with one line of error, and return it."""
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[-1].startswith('error: ')
    assert not any('Traceback' in line for line in lines)
    return lines[-1]


def test_misspelt_config_names_the_near_ones(run):
    done = run(
        sys.executable,
        'tools/train.py',
        'configs/rsprompter/rsprompter-anchor_sam-vit-b_8xb2_nwpu.py',
    )
    line = the_line(done)
    assert 'does not exist; did you mean configs/rsprompter/' in line
    assert line.endswith('(MMRS_TRACE=1 shows the trace)')


def test_trace_is_shown_on_demand(run):
    done = run(sys.executable, 'tools/train.py', 'no.py', MMRS_TRACE='1')
    assert done.returncode == 1
    assert 'Traceback' in done.stderr
    assert 'InputError: config file no.py does not exist' in done.stderr


def test_text_file_is_no_checkpoint(run, tmp_path, toy_config):
    text = tmp_path / 'model.pth'
    text.write_text('version https://example.org/large-files\n')
    done = run(sys.executable, 'tools/test.py', toy_config, text)
    assert f'{text} is not a checkpoint' in the_line(done)


def test_bug_keeps_its_trace(run, tmp_path):
    buggy = tmp_path / 'tool.py'
    buggy.write_text(
        'from mmrs.utils.cli import run_tool\nrun_tool(lambda: 1 / 0)\n'
    )
    done = run(sys.executable, buggy)
    assert done.returncode == 1
    assert 'Traceback' in done.stderr
    assert 'error: ' not in done.stderr


@pytest.mark.parametrize(
    ('tool', 'words', 'message'),
    [
        ('train', ['--resume', 'no.pth'], 'checkpoint no.pth does not exist'),
        ('test', ['no.pth'], 'checkpoint no.pth does not exist'),
        ('test', ['no.pth', '--show'], 'need `draw_hook` in .*toy_config.py'),
        ('test', ['no.pth', '--tta'], '--tta needs `tta_model`'),
        ('test', ['no.pth', '--out', 'a.json'], 'must end in .pkl'),
    ],
)
def test_option_that_cannot_be_followed(
    main_of, toy_config, tool, words, message
):
    with pytest.raises(InputError, match=message):
        main_of(f'tools/{tool}.py', toy_config, *words)


def test_part_of_a_config_is_no_config(main_of):
    with pytest.raises(InputError, match='has no `model`: it is a part'):
        main_of('tools/train.py', 'configs/_base_/default_runtime.py')


def test_gpu_that_is_not_there(main_of, toy_config, monkeypatch):
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    with pytest.raises(InputError, match='launcher slurm needs a GPU'):
        main_of('tools/train.py', toy_config, '--launcher', 'slurm')
