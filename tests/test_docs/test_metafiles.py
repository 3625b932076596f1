"""The metafiles say what the configs are, the READMEs what they say."""

import runpy
from pathlib import Path

import pytest
import yaml
from meta_device import on_meta
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmrs.config import model_config
from mmrs.registry import MODELS

ROOT = Path(__file__).resolve().parents[2]
METAFILES = sorted((ROOT / 'configs').glob('*/metafile.yml'))
TOOL = runpy.run_path(str(ROOT / 'tools/misc/make_readme_tables.py'))

each_metafile = pytest.mark.parametrize(
    'path', METAFILES, ids=lambda path: path.parent.name
)


def read(path: Path) -> dict:
    return yaml.safe_load(path.read_text())


def drop_checkpoints(cfg: dict) -> None:
    for key, value in cfg.items():
        if key in ('sam_checkpoint', 'init_cfg'):
            cfg[key] = None
        elif isinstance(value, dict):
            drop_checkpoints(value)


def test_every_method_with_configs_has_a_metafile():
    folders = {
        path
        for path in (ROOT / 'configs').iterdir()
        if path.is_dir() and path.name != '_base_'
    }
    assert {path.parent for path in METAFILES} == folders


@each_metafile
def test_every_config_has_an_entry_and_every_entry_a_config(path):
    entries = [model['Config'] for model in read(path)['Models']]
    configs = [
        config.relative_to(ROOT).as_posix()
        for config in path.parent.glob('*.py')
    ]
    assert sorted(entries) == sorted(configs)


@each_metafile
def test_entries_are_of_known_collections(path):
    metafile = read(path)
    collections = {entry['Name'] for entry in metafile['Collections']}
    for model in metafile['Models']:
        assert model['In Collection'] in collections
        assert model['Name'] == Path(model['Config']).stem
    for entry in metafile['Collections']:
        assert ROOT / entry['README'] == path.parent / 'README.md'


@each_metafile
def test_parameters_are_those_of_the_models(path):
    pytest.importorskip('peft')
    wrong = []
    for entry in read(path)['Models']:
        cfg = Config.fromfile(ROOT / entry['Config'])
        drop_checkpoints(cfg.model)
        init_default_scope(cfg.default_scope)
        with on_meta():
            parameters = list(MODELS.build(model_config(cfg)).parameters())
        counts = (
            sum(p.numel() for p in parameters),
            sum(p.numel() for p in parameters if p.requires_grad),
        )
        noted = entry['Metadata']
        if counts != (noted['Parameters'], noted['Trainable Parameters']):
            wrong.append((entry['Name'], *counts))
    assert not wrong


@each_metafile
def test_readme_shows_the_tables_of_the_metafile(path):
    readme = path.with_name('README.md').read_text()
    tables = TOOL['tables'](read(path))
    assert TOOL['fill'](readme, tables) == readme, (
        'run python tools/misc/make_readme_tables.py '
        f'configs/{path.parent.name}'
    )


def test_readme_without_marks_is_refused():
    with pytest.raises(ValueError, match='lacks the marks'):
        TOOL['fill']('# A method', 'tables')
