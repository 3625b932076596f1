"""What holds of the files of all configs, however they inherit."""

import ast
from functools import cache
from pathlib import Path

import pytest
from mmengine.config import Config

from mmrs import registry

FOLDER = Path(__file__).parents[2] / 'configs'
FILES = sorted(FOLDER.rglob('*.py'))
WHOLE = [path for path in FILES if '_base_' not in path.parts]


@cache
def bases_of(path):
    for line in ast.parse(path.read_text()).body:
        if isinstance(line, ast.Assign) and line.targets[0].id == '_base_':
            bases = ast.literal_eval(line.value)
            bases = [bases] if isinstance(bases, str) else bases
            return [(path.parent / base).resolve() for base in bases]
    return []


@cache
def depth(path):
    """Files of the longest chain that starts at this one."""
    return 1 + max(map(depth, bases_of(path)), default=0)


def test_depth_of_a_chain(tmp_path):
    texts = dict(
        a="_base_ = ['b.py', 'sub/c.py']",
        b='x = 1',
        c="_base_ = '../d.py'",
        d='y = 2',
    )
    (tmp_path / 'sub').mkdir()
    for name, text in texts.items():
        folder = tmp_path / 'sub' if name == 'c' else tmp_path
        (folder / f'{name}.py').write_text(text)
    assert depth(tmp_path / 'a.py') == 3
    assert depth(tmp_path / 'b.py') == 1


@pytest.mark.parametrize('path', FILES, ids=lambda path: path.stem)
def test_chains_have_three_files_at_most(path):
    deepest = depth(path)
    assert deepest <= 3 if path in WHOLE else deepest <= 2


def test_every_base_has_a_config():
    """Data sets are for users, too; the other bases are for the configs."""
    used = {base for path in FILES for base in bases_of(path)}
    parts = set(FILES) - set(WHOLE) - used
    unused = {path.parent.name for path in parts}
    assert unused <= {'datasets', 'strategies'}


def test_the_runtimes_differ_in_what_is_counted_alone():
    epochs = Config.fromfile(FOLDER / '_base_/default_runtime.py')
    iters = Config.fromfile(FOLDER / '_base_/iter_runtime.py')
    epochs.merge_from_dict(
        {
            'default_hooks.logger.log_metric_by_epoch': False,
            'default_hooks.checkpoint.by_epoch': False,
            'default_hooks.checkpoint.interval': 4000,
            'log_processor.by_epoch': False,
        }
    )
    assert iters.to_dict() == epochs.to_dict()


# The registry that a part of a config belongs to, by its key. Those of models
# are looked up where the models are built.
REGISTRIES = dict(
    dataset='DATASETS',
    datasets='DATASETS',
    pipeline='TRANSFORMS',
    transforms='TRANSFORMS',
    sampler='DATA_SAMPLERS',
    batch_sampler='DATA_SAMPLERS',
    collate_fn='FUNCTIONS',
    val_evaluator='METRICS',
    test_evaluator='METRICS',
    dump_metric='METRICS',
    default_hooks='HOOKS',
    custom_hooks='HOOKS',
    draw_hook='HOOKS',
    visualizer='VISUALIZERS',
    vis_backends='VISBACKENDS',
    optim_wrapper='OPTIM_WRAPPERS',
    optimizer='OPTIMIZERS',
    param_scheduler='PARAM_SCHEDULERS',
    train_cfg='LOOPS',
    val_cfg='LOOPS',
    test_cfg='LOOPS',
    log_processor='LOG_PROCESSORS',
    inferencer='INFERENCERS',
)


def names_in(part, key, scope=None):
    """Yield the registry and the name of each part below a key."""
    if isinstance(part, list | tuple):
        for item in part:
            yield from names_in(item, key, scope)
    elif isinstance(part, dict):
        scope = part.get('_scope_', scope)
        if isinstance(part.get('type'), str):
            scoped = scope and '.' not in part['type']
            name = f'{scope}.{part["type"]}' if scoped else part['type']
            yield REGISTRIES[key], name
        for below, item in part.items():
            if key == 'default_hooks':
                yield from names_in(item, key, scope)
            elif below in REGISTRIES:
                yield from names_in(item, below, scope)


@pytest.fixture(scope='module')
def names():
    """Names in all configs outside of models, with the file of each."""
    found = {}
    for path in WHOLE:
        cfg = Config.fromfile(path)
        assert 'custom_imports' not in cfg
        for key, part in cfg.items():
            if key in REGISTRIES or key.endswith('_dataloader'):
                for name in names_in(part, key):
                    found.setdefault(name, path.name)
    return found


def test_all_names_are_found(names):
    assert {kind for kind, _ in names} == set(REGISTRIES.values())
    absent = [
        (kind, name, path)
        for (kind, name), path in names.items()
        if name not in getattr(registry, kind)
    ]
    assert not absent
