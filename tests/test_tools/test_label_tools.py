"""The label audit and the manual tally, on a tiny untrained network."""

import csv
import json

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from PIL import Image

from mmrs.errors import InputError
from mmrs.synthetic.layouts import write_dataset

pytest.importorskip('mmseg')

AUDIT = 'tools/analysis_tools/audit_labels.py'
TALLY = 'tools/analysis_tools/manual_tally.py'
CONFIG = """
default_scope = 'mmrs'
model = dict(
    type='mmseg.EncoderDecoder',
    data_preprocessor=dict(
        type='MultiBandDataPreprocessor', mean=[0.3] * 4, std=[0.2] * 4),
    backbone=dict(
        type='mmseg.FastSCNN', in_channels=4, downsample_dw_channels=(4, 4),
        global_in_channels=8, global_block_channels=(8, 8, 8),
        global_block_strides=(2, 2, 1), global_out_channels=8,
        higher_in_channels=8, lower_in_channels=8, fusion_out_channels=8,
        norm_cfg=dict(type='BN')),
    decode_head=dict(
        type='mmseg.FCNHead', in_channels=8, in_index=-1, channels=8,
        num_convs=1, concat_input=False, num_classes=3,
        norm_cfg=dict(type='BN'),
        loss_decode=dict(type='mmseg.CrossEntropyLoss')),
    train_cfg=dict(), test_cfg=dict(mode='whole'))
load = [dict(type='LoadBands'), dict(type='LoadCloudMask')]
noise = dict(type='SyntheticCloudNoise', eta=1.0)
train_dataloader = dict(batch_size=2, num_workers=0,
    sampler=dict(type='DefaultSampler'),
    dataset=dict(type='LevirCSDataset', data_root=r'{root}', split='train',
        pipeline=[*load, noise, dict(type='PackCloudInputs')]))
test_dataloader = dict(batch_size=1, num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='LevirCSDataset', data_root=r'{root}', split='test',
        test_mode=True, pipeline=[*load, dict(type='PackCloudInputs')]))
train_cfg = dict(by_epoch=True, max_epochs=1)
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.01))
test_cfg = dict(type='TestLoop')
test_evaluator = dict(type='DumpClassMaps', out_file_path='none')
dump_metric = dict(type='DumpClassMaps')
"""


@pytest.fixture(scope='module')
def room(tmp_path_factory):
    """A small data set, a config for it, and a checkpoint."""
    room = tmp_path_factory.mktemp('labels')
    write_dataset('levir-cs', room / 'data', seed=0, num=10, size=64)
    (room / 'config.py').write_text(
        CONFIG.replace('{root}', str(room / 'data'))
    )
    cfg = Config.fromfile(room / 'config.py')
    from mmrs.registry import MODELS

    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmrs'):
        model = MODELS.build(cfg.model)
    torch.save(dict(state_dict=model.state_dict()), room / 'model.pth')
    return room


@pytest.fixture
def audited(room, main_of, capsys):
    """The audit of the training labels; returns its folder and output."""
    out = room / 'audit'
    main_of(AUDIT, room / 'config.py', room / 'model.pth', out,
            '--pictures', 2)  # fmt: skip
    return out, capsys.readouterr().out


def rows(path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_audit_of_noisy_training_labels(audited, room, main_of, capsys):
    out, printed = audited
    images, regions = rows(out / 'images.csv'), rows(out / 'regions.csv')
    assert len(images) == 7  # one of the eight is for validation
    assert len(regions) == sum(int(x['regions']) for x in images) > 0
    scores = [float(x['score']) for x in regions]
    assert scores == sorted(scores, reverse=True)
    # The noise of the training pipeline was injected, and is known.
    injected = [float(x['injected']) for x in regions]
    assert 0 < np.mean(injected) < 1
    figures = json.loads((out / 'summary.json').read_text())
    assert figures['regions'] == len(regions)
    assert f'{100 * figures["top_injected"]:.1f} % of the top' in printed
    pictures = sorted((out / 'pictures').iterdir())
    assert [x.name[4:-4] for x in pictures] == [x['image'] for x in images[:2]]
    assert np.array(Image.open(pictures[0])).std() > 10

    # The kept maps give the same ranking without the network.
    again = room / 'again'
    main_of(AUDIT, room / 'config.py', out / 'maps.pkl', again)
    assert rows(again / 'regions.csv') == regions
    assert len(list((again / 'pictures').iterdir())) == 7


def test_audit_of_the_wrong_split(audited, room, main_of, tmp_path):
    maps = audited[0] / 'maps.pkl'
    with pytest.raises(InputError, match='the test data set .* has no image'):
        main_of(AUDIT, room / 'config.py', maps, tmp_path, '--split', 'test')


def test_tally_of_two_models_blind(audited, room, main_of, tmp_path, capsys):
    maps, other = audited[0] / 'maps.pkl', tmp_path / 'other.pkl'
    other.write_bytes(maps.read_bytes())
    out = tmp_path / 'tally'
    words = (TALLY, 'write', room / 'config.py', out, maps, other)
    main_of(*words, '--split', 'train', '--num', 3)
    sheet = rows(out / 'tally.csv')
    assert len(sheet) == 3 and set(sheet[0]) == {'image', 'A', 'B'}
    assert len(list(out.glob('*.png'))) == 3
    with pytest.raises(InputError, match='may hold verdicts'):
        main_of(*words, '--split', 'train')

    verdicts = ('correct', 'missed cloud', 'correct')
    for name, cells in (('one', verdicts), ('two', ('correct',) * 3)):
        lines = [f'{x["image"]},{cell},correct'
                 for x, cell in zip(sheet, cells)]  # fmt: skip
        path = tmp_path / f'{name}.csv'
        path.write_text('\n'.join(['image,A,B', *lines]))
    capsys.readouterr()
    key = ('--key', out / 'key.json')
    main_of(TALLY, 'read', tmp_path / 'one.csv', tmp_path / 'two.csv', *key)
    printed = capsys.readouterr().out
    assert '3 images judged, 0 not' in printed
    assert "Cohen's kappa 0.000 on 6 verdicts" in printed
    main_of(TALLY, 'read', tmp_path / 'one.csv', *key, '--json')
    tallies = json.loads(capsys.readouterr().out)['tallies']
    (models,) = tallies.values()
    assert set(models) == {str(maps), str(other)}
    wrong = sum(m['rates']['missed cloud'][0] for m in models.values())
    assert wrong == pytest.approx(1 / 3)


def test_tally_of_one_model(audited, room, main_of, tmp_path):
    maps = audited[0] / 'maps.pkl'
    out = tmp_path / 'tally'
    main_of(TALLY, 'write', room / 'config.py', out, maps, '--split', 'train')
    noisy = {
        x['image']
        for x in rows(room / 'data' / 'quality.csv')
        if x['subset'] == 'noisy'
    }
    shown = {x['image'] for x in rows(out / 'tally.csv')}
    assert shown and shown <= noisy
    with pytest.raises(InputError, match='needs the key'):
        (out / 'tally.csv').write_text('image,A,B\na,correct,correct\n')
        main_of(TALLY, 'read', out / 'tally.csv')
