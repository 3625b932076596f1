"""Whole runs of train.py and test.py: resumed, distributed, tested."""

import json
import os
import pickle
import signal
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from mmrs.errors import InputError
from mmrs.utils.checkpoint import read_checkpoint


def weights_of(work_dir) -> dict:
    return read_checkpoint(str(work_dir / 'epoch_4.pth'))['state_dict']


def metrics_of(work_dir) -> dict:
    (file,) = work_dir.glob('*/*.json')
    return json.loads(file.read_text())


@pytest.fixture(scope='module')
def trained(run, tmp_path_factory):
    """The work folder of an unbroken run of four epochs."""
    work_dir = tmp_path_factory.mktemp('trained')
    done = run(
        sys.executable,
        'tools/train.py',
        'tests/test_tools/toy_config.py',
        '--work-dir',
        work_dir,
    )
    assert done.returncode == 0, done.stderr
    return work_dir


@pytest.mark.slow
def test_killed_and_resumed_run_equals_the_unbroken_one(
    run, trained, tmp_path, toy_config
):
    train = [sys.executable, 'tools/train.py']
    work_dir = ['--work-dir', tmp_path]
    killed_config = toy_config.replace('toy_config', 'toy_killed_config')
    killed = run(*train, killed_config, *work_dir)
    assert killed.returncode == -signal.SIGKILL
    assert sorted(file.name for file in tmp_path.glob('*.pth')) == [
        'epoch_1.pth',
        'epoch_2.pth',
    ]
    # As if it had been killed while it wrote the second one.
    whole = (tmp_path / 'epoch_2.pth').read_bytes()
    (tmp_path / 'epoch_2.pth').write_bytes(whole[: len(whole) // 2])

    resumed = run(*train, toy_config, *work_dir, '--resume')
    assert resumed.returncode == 0, resumed.stderr
    assert 'resumed epoch: 1' in resumed.stdout + resumed.stderr
    expected, got = weights_of(trained), weights_of(tmp_path)
    assert all(torch.equal(expected[name], got[name]) for name in expected)


@pytest.mark.slow
@pytest.mark.trains
def test_two_processes_train_like_one_with_twice_the_batch(
    run, main_of, tmp_path, toy_config, free_port, training_seed, clears
):
    still = [
        f'randomness.seed={training_seed}',
        'model.dropout=0',
        'train_dataloader.dataset.jitter=0',
    ]
    one, two = tmp_path / 'one', tmp_path / 'two'
    main_of(
        *('tools/train.py', toy_config, '--work-dir', one),
        *('--cfg-options', *still, 'train_dataloader.batch_size=8'),
    )
    double = run(
        *('bash', 'tools/dist_train.sh', toy_config, 2, '--work-dir', two),
        *('--cfg-options', *still),
        PORT=free_port,
    )
    assert double.returncode == 0, double.stderr
    expected, found = weights_of(one), weights_of(two)
    assert set(found) == set(expected)
    apart = max(
        ((found[name] - value).abs() / (1e-5 + 1e-4 * value.abs())).max()
        for name, value in expected.items()
    )
    clears('difference / tolerance', apart.item(), below=1)


@pytest.mark.slow
def test_two_processes_measure_what_one_measures(
    run, main_of, trained, tmp_path, toy_config, free_port
):
    one, two = tmp_path / 'one', tmp_path / 'two'
    checkpoint = trained / 'epoch_4.pth'
    dump = tmp_path / 'predictions.pkl'
    main_of(
        *('tools/test.py', toy_config, checkpoint),
        *('--work-dir', one, '--out', dump),
    )
    double = run(
        *('bash', 'tools/dist_test.sh', toy_config, checkpoint, 2),
        *('--work-dir', two),
        PORT=free_port,
    )
    assert double.returncode == 0, double.stderr
    accuracy = metrics_of(one)['toy/accuracy']
    assert metrics_of(two)['toy/accuracy'] == accuracy
    predictions = pickle.loads(dump.read_bytes())
    right = [(p['score'] > 0.5) == p['label'] for p in predictions]
    assert len(right) == 21
    assert sum(right) / 21 == accuracy


def test_logs_are_printed_and_drawn(trained, main_of, tmp_path, capsys):
    main_of(
        'tools/analysis_tools/analyze_logs.py',
        *(trained, '--keys', 'loss', 'toy/accuracy'),
        *('--plot', tmp_path / 'curves.png'),
    )
    printed = capsys.readouterr().out.splitlines()
    assert printed[2].split()[:2] == ['loss', '4']
    assert printed[3].split()[:2] == ['toy/accuracy', '2']
    assert (tmp_path / 'curves.png').stat().st_size > 0


def test_published_checkpoint_is_plain_and_smaller(
    trained, main_of, tmp_path, capsys
):
    main_of(
        'tools/model_converters/publish.py',
        *(trained / 'epoch_4.pth', tmp_path / 'toy.pth'),
    )
    (file,) = tmp_path.glob('toy-????????.pth')
    assert file.stem.split('-')[1] in capsys.readouterr().out
    published = torch.load(file, weights_only=True)
    assert set(published) == {'state_dict', 'meta'}
    assert published['meta']['epoch'] == 4
    assert published['meta']['dataset_meta'] == {'classes': ['below', 'above']}
    expected = weights_of(trained)
    assert all(
        torch.equal(value, expected[name])
        for name, value in published['state_dict'].items()
    )
    before = (trained / 'epoch_4.pth').stat().st_size
    assert file.stat().st_size < before


@pytest.mark.parametrize(
    ('way', 'message'),
    [
        ('--cfg-options load_from={}', r'layers.2.weight is \(2, 8\) in the'),
        (
            '--resume {} --cfg-options',
            'checkpoint to go on from is of another',
        ),
    ],
)
def test_training_does_not_start_from_another_architecture(
    main_of, trained, tmp_path, toy_config, way, message
):
    words = way.format(trained / 'epoch_4.pth').split()
    with pytest.raises(InputError, match=message):
        main_of(
            'tools/train.py',
            toy_config,
            '--work-dir',
            tmp_path,
            *words,
            'model.width=6',
        )


class MakeFolder:
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize('way', ['load_from', 'resume', 'test'])
def test_checkpoint_with_code_is_refused(
    main_of, trained, tmp_path, toy_config, way
):
    checkpoint = read_checkpoint(str(trained / 'epoch_4.pth'))
    checkpoint['extra'] = MakeFolder(tmp_path / 'ran')
    file = tmp_path / 'hostile.pth'
    torch.save(checkpoint, file)
    words = {
        'load_from': ['tools/train.py', toy_config, '--cfg-options']
        + [f'load_from={file}'],
        'resume': ['tools/train.py', toy_config, '--resume', file],
        'test': ['tools/test.py', toy_config, file],
    }[way]
    with pytest.raises(InputError, match='hostile.pth is refused'):
        main_of(*words[:2], '--work-dir', tmp_path / 'run', *words[2:])
    assert not (tmp_path / 'ran').exists()


def test_images_are_not_predicted_by_a_checkpoint_with_code(main_of, tmp_path):
    pytest.importorskip('mmpretrain')
    file, image = tmp_path / 'hostile.pth', tmp_path / 'a.png'
    Image.new('RGB', (64, 64)).save(image)
    torch.save(dict(state_dict=dict(w=MakeFolder(tmp_path / 'ran'))), file)
    (config,) = Path('configs/rsmamba').glob('rsmamba-tiny_*scenes*.py')
    with pytest.raises(InputError, match='hostile.pth is refused'):
        main_of('tools/infer.py', image, config, file)
    assert not (tmp_path / 'ran').exists()


def test_program_in_the_meta_is_not_run_when_resumed(
    main_of, trained, tmp_path, toy_config
):
    checkpoint = read_checkpoint(str(trained / 'epoch_4.pth'))
    program = f'import os\nos.mkdir({str(tmp_path / "ran")!r})\n'
    checkpoint['meta']['config'] = program
    file = tmp_path / 'hostile.pth'
    torch.save(checkpoint, file)
    work_dir = ['--work-dir', tmp_path / 'run']
    main_of('tools/train.py', toy_config, *work_dir, '--resume', file)
    assert not (tmp_path / 'ran').exists()
