"""The noise benchmark of clouds: its sums by hand, and a run it finds done."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from mmrs.errors import InputError
from mmrs.evaluation import DumpClassMaps

PATH = Path(__file__).parents[2] / 'tools/benchmarks/cloud_noise.py'


@pytest.fixture
def tool():
    return runpy.run_path(str(PATH))


def result(method, eta, seed, score):
    names = ('all/IoU_background', 'all/IoU_cloud', 'all/IoU_snow')
    return dict(method=method, eta=eta, seed=seed, quality='injected') | {
        'all/mIoU': score,
        **dict.fromkeys(names, score),
    }


def test_drop_is_counted_from_clean_cross_entropy(tool):
    runs = [
        result('ce', 0.4, 0, 70.0),
        result('ce', 0.4, 1, 74.0),
        result('ce', 0.0, 0, 80.0),
        result('gce', 0.4, 0, 77.0),
    ]
    rows = tool['summarise'](runs)
    assert [(r['method'], r['eta'], r['runs']) for r in rows] == [
        ('ce', 0.0, 1),
        ('ce', 0.4, 2),
        ('gce', 0.4, 1),
    ]
    assert [r['drop'] for r in rows] == [0, 8, 3]
    assert rows[1]['std'] == pytest.approx(8**0.5)
    table = tool['draw_table'](rows).splitlines()
    assert table[3].startswith('| ce | 0.40 | 2 | 72.00 | 2.83 | 8.00 |')


def test_distrusted_labels_are_scored_by_hand(tool, tmp_path):
    import torch

    path = tmp_path / 'maps.pkl'
    dump = DumpClassMaps(out_file_path=str(path))
    # Sure of class 1 in the left three columns, unsure of it in the right.
    logits = torch.zeros(3, 2, 4)
    logits[1, :, :3] = 9
    logits[1, :, 3] = 0.5
    label = torch.tensor([[[0, 1, 255, 0], [2, 1, 2, 2]]])
    truth = torch.tensor([[[1, 1, 255, 1], [2, 1, 1, 1]]])
    for name, subset in (('a', 'noisy'), ('b', 'clean')):
        sample = dict(
            sample_id=name,
            subset=subset,
            seg_logits=dict(data=logits),
            pred_sem_seg=dict(data=logits.argmax(0, keepdim=True)),
            gt_sem_seg=dict(data=label),
            gt_true_seg_map=dict(data=truth),
        )
        dump.process({}, [sample])
    dump.evaluate(2)
    scores = tool['score_distrust'](path, 0.9)
    # Distrusted are three labels, of which two are wrong; four are wrong.
    assert scores['distrust_precision'] == pytest.approx(200 / 3)
    assert scores['distrust_recall'] == pytest.approx(50)
    assert scores['wrong_labels'] == pytest.approx(400 / 7)
    assert np.isfinite(list(scores.values())).all()


def test_finished_runs_are_not_repeated(tool, tmp_path, monkeypatch, capsys):
    for method, score in (('ce', 70.0), ('gce', 71.0)):
        folder = tmp_path / f'{method}_injected_eta0.4_seed5'
        folder.mkdir()
        found = json.dumps(result(method, 0.4, 5, score))
        (folder / 'result.json').write_text(found)
    (tmp_path / 'quality_injected_eta0.4_seed5.csv').touch()
    words = ['x', '--methods', 'ce', 'gce', '--etas', '0.4', '--seeds', '5']
    monkeypatch.setattr(sys, 'argv', [*words, '--work-dir', str(tmp_path)])
    tool['main']()
    assert '| gce | 0.40 | 1 | 71.00 |' in capsys.readouterr().out
    kept = json.loads((tmp_path / 'results.json').read_text())
    assert len(kept['runs']) == 2


def test_unknown_method_is_named(tool, monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['x'])
    with pytest.raises(InputError, match='--methods best: there is no'):
        tool['make_config'](tool['parse_args'](), 'best', 0.4, 0)


def test_schedule_shrinks_in_proportion(tool, monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['x', '--iters', '100'])
    cfg = tool['make_config'](tool['parse_args'](), 'curriculum', 0.2, 7)
    assert cfg.train_cfg.max_iters == 100
    assert [(s.begin, s.end) for s in cfg.param_scheduler] == [
        (0, 10),
        (10, 100),
    ]
    noise = cfg.train_dataloader.dataset.pipeline[2]
    assert (noise.type, noise.eta, noise.seed) == (
        'SyntheticCloudNoise',
        0.2,
        7,
    )
    assert cfg.randomness.seed == 7
