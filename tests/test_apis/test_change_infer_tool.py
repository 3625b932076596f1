"""tools/infer.py and tools/test.py on pairs of images."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from change_toys import (
    CHANGED,
    CONFIG,
    WORDS,
    toy_config,
    toy_mask,
    toy_pair,
    write_png,
)
from PIL import Image

from mmrs.errors import InputError


@pytest.fixture
def main_of(monkeypatch, repo_root):
    def _main(tool: str, *words) -> None:
        monkeypatch.setattr(sys, 'argv', [tool, *map(str, words)])
        runpy.run_path(str(repo_root / tool))['main']()

    monkeypatch.chdir(repo_root)
    return _main


@pytest.fixture
def model(tmp_path) -> tuple[Path, Path]:
    """A config and its checkpoint, which knows the words."""
    config, weights = tmp_path / 'config.py', tmp_path / 'weights.pth'
    config.write_text(CONFIG)
    torch.save(
        dict(
            state_dict={'mask_head.scale': torch.tensor(3.0)},
            meta=dict(dataset_meta=dict(vocabulary=WORDS)),
        ),
        weights,
    )
    return config, weights


@pytest.fixture
def folders(tmp_path) -> tuple[Path, Path]:
    for name in ('a.png', 'b.png'):
        for date, pixels in zip('AB', toy_pair(toy_mask())):
            write_png(tmp_path / date / name, pixels)
    return tmp_path / 'A', tmp_path / 'B'


def test_two_folders(main_of, model, folders, tmp_path, capsys):
    out = tmp_path / 'out'
    main_of(
        *('tools/infer.py', folders[0], *model, '--later', folders[1]),
        *('--out-dir', out, '--device', 'cpu', '--batch-size', 2),
        *('--gsd', 0.5, '--min-area', 9, '--geojson-crs', 'wgs84'),
        '--no-draw',
    )
    assert '2 pairs done, 0 skipped' in capsys.readouterr().out
    told = json.loads((out / 'predictions.json').read_text())
    assert [t['caption'] for t in told] == [CHANGED] * 2
    assert told[0]['classes']['building']['count'] == 1
    assert told[0]['classes']['building']['m2'] == 5.0
    assert not (out / 'overlays').exists()


def test_two_files(main_of, model, folders, tmp_path, capsys):
    out = tmp_path / 'out'
    earlier, later = (folder / 'a.png' for folder in folders)
    main_of(
        *('tools/infer.py', earlier, *model, '--later', later),
        *('--out-dir', out, '--device', 'cpu'),
    )
    assert '1 pairs done' in capsys.readouterr().out
    assert (out / 'overlays/a.png').is_file()
    assert (out / 'masks/a.png').is_file()


def test_the_later_date_is_missing(main_of, model, folders):
    with pytest.raises(InputError, match='compares two dates, .* by --later'):
        main_of('tools/infer.py', folders[0], *model)


@pytest.mark.parametrize(
    'option', [('--later', 'B'), ('--gsd', 1), ('--min-area', 3)]
)
def test_settings_of_change_for_single_images(main_of, model, folders, option):
    choice = ('--cfg-options', 'inferencer.type=InstanceSegInferencer')
    with pytest.raises(InputError, match=f'{option[0]}.* leave it out'):
        main_of('tools/infer.py', folders[0], *model, *option, *choice)


def test_settings_of_single_images_for_change(main_of, model, folders):
    options = ('--later', folders[1], '--top-k', 3)
    with pytest.raises(InputError, match='--top-k is no setting of Change'):
        main_of('tools/infer.py', folders[0], *model, *options)


def test_tested_pairs_are_drawn(main_of, model, folders, tmp_path):
    cfg = toy_config(tmp_path)
    dataset = cfg.test_dataloader.dataset
    dataset.ann_file = ''
    dataset.data_prefix = dict(img_a='A', img_b='B', seg_map='label')
    label = np.select([toy_mask() == 1, toy_mask() == 2], [128, 255])
    for name in ('a.png', 'b.png'):
        write_png(tmp_path / 'label' / name, label.astype(np.uint8))
    del cfg.model.caption_neck, cfg.model.caption_head
    cfg.dump(tmp_path / 'test_config.py')
    main_of(
        *('tools/test.py', tmp_path / 'test_config.py', model[1]),
        *('--work-dir', tmp_path / 'work', '--show-dir', tmp_path / 'drawn'),
    )
    drawn = sorted((tmp_path / 'drawn').rglob('*.png'))
    assert [path.name for path in drawn] == ['a.png', 'b.png']
    picture = np.array(Image.open(drawn[0]))
    red = (picture == (255, 0, 0)).all(axis=2)
    assert red[:, 900:1300].any()  # predicted
    assert red[:, 1400:1800].any()  # true

    cfg.train_dataloader = cfg.test_dataloader
    cfg.dump(tmp_path / 'browse_config.py')
    main_of(
        *('tools/analysis_tools/browse_dataset.py',),
        *(tmp_path / 'browse_config.py', '--out-dir', tmp_path / 'browsed'),
    )
    names = sorted(path.name for path in (tmp_path / 'browsed').iterdir())
    assert names == ['0000_a.png', '0001_b.png']
