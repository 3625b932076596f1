"""The registries, in interpreters of their own where imports matter."""

from pathlib import Path

import pytest
from meta_device import on_meta
from mmengine.config import Config
from mmengine.registry import MODELS as ROOT_MODELS
from mmengine.registry import DefaultScope

from mmrs.errors import InputError
from mmrs.registry import HOOKS, INFERENCERS, MODELS, TRANSFORMS

TINY = (
    Path(__file__).parents[1]
    / 'configs/rsprompter/_base_/rsprompter-anchor_sam-vit-tiny.py'
)
MODEL_ALONE = """
import sys
import mmrs
from mmrs.registry import HOOKS, MODELS
model = MODELS.build(dict(type='RSMamba'))
assert type(model).__module__ == 'mmrs.models.rsmamba.backbone'
loaded = {tuple(name.split('.')[:3]) for name in sys.modules}
rooms = {name[2] for name in loaded if name[:2] == ('mmrs', 'models')
         and len(name) == 3}
assert rooms == {'layers', 'rsmamba'}, rooms
assert not {('mmdet',), ('mmseg',), ('mmpretrain',)} & loaded
assert 'FreezeHook' in HOOKS
assert 'mmrs.engine.hooks.freeze' in sys.modules
assert 'mmrs.engine.hooks.sample_grid' not in sys.modules
"""


def test_a_name_brings_its_own_module_alone(run_python):
    run_python(MODEL_ALONE)


# Each asks for another name, for the first time.
WAYS = """
import mmrs
import mmengine.registry as roots
assert roots.MODELS.get('mmrs.GCELoss').__name__ == 'GCELoss'
assert roots.MODELS.build(dict(type='mmrs.SumLosses'))
assert roots.MODELS.build(dict(type='MAELoss', _scope_='mmrs'))
assert roots.MODELS.get('mmrs.models.change.layers.KeepMaps')

from mmrs.registry import HOOKS, MODELS
assert 'FreezeHook' in HOOKS
assert MODELS.get('mmrs.BITHead') is MODELS.get('BITHead')
path = 'mmrs.models.pix4cap.mask_head.BTFMaskHead'
assert MODELS.get(path) is MODELS.get('BTFMaskHead')

roots.init_default_scope('mmrs')
assert roots.HOOKS.build(dict(type='EpochSeedHook'))

import mmpretrain.registry as other
assert other.MODELS.get('mmrs.MCIMaskHead')

import mmrs.models.rscama
assert mmrs.models.rscama.CaMaNeck is MODELS.get('CaMaNeck')
"""


def test_ways_to_a_name(run_python):
    run_python(WAYS)


# Each brings its own modules only, so that none helps the next.
OTHERS = """
import mmrs
from mmrs.registry import HOOKS, MODELS, OPTIMIZERS, TRANSFORMS
assert TRANSFORMS.get('Resize').__module__.startswith('mmcv.')
assert HOOKS.get('CheckpointHook').__module__.startswith('mmengine.')
assert MODELS.get('BN').__name__ == 'BatchNorm2d'
assert OPTIMIZERS.get('AdamW').__name__ == 'AdamW'
for name in ('mmdet.PackDetInputs', 'mmseg.RandomFlip', 'mmseg.PackSegInputs',
             'mmpretrain.ResizeEdge', 'mmpretrain.PackInputs'):
    assert name in TRANSFORMS, name
for name in ('mmdet.MaskRCNN', 'mmseg.UNet', 'mmpretrain.ImageClassifier'):
    assert name in MODELS, name
"""


@pytest.mark.slow
def test_names_of_other_libraries(run_python):
    run_python(OTHERS)


@pytest.mark.parametrize('scope', ['mmdet', 'mmengine', 'mmrs'])
def test_parts_are_of_mmrs_in_any_default_scope(scope):
    cfg = Config.fromfile(TINY).model
    with DefaultScope.overwrite_default_scope(scope), on_meta():
        model = MODELS.build(cfg)
        assert DefaultScope.get_current_instance().scope_name == scope
    assert type(model.neck).__module__ == 'mmrs.models.rsprompter.neck'


@pytest.mark.parametrize(
    ('registry', 'key', 'near'),
    [
        (MODELS, 'RSPrompterQuerry', 'RSPrompterQuery'),
        (MODELS, 'mmrs.RSMmba', 'mmrs.RSMamba'),
        (MODELS, 'mmpretrain.ImageClasifier', 'mmpretrain.ImageClassifier'),
        (TRANSFORMS, 'Resise', 'Resize'),
        (INFERENCERS, 'CloudInferenser', 'CloudInferencer'),
    ],
)
def test_a_slip_in_a_name(registry, key, near):
    message = f'^{key} is not in the registry {registry.variable}; did you '
    for look_up in (registry.get, lambda key: registry.build(dict(type=key))):
        with pytest.raises(InputError, match=message) as caught:
            look_up(key)
        assert f' {near}' in str(caught.value)
    assert key not in registry


def test_a_slip_in_a_name_found_by_the_runner():
    with (
        DefaultScope.overwrite_default_scope('mmrs'),
        pytest.raises(InputError, match='SumLoses .* MODELS; .* SumLosses'),
    ):
        ROOT_MODELS.build(dict(type='SumLoses'))


def test_a_module_is_no_part():
    assert 'json' not in MODELS
    with pytest.raises(InputError, match='json is not in the registry HOOKS'):
        HOOKS.get('json')


WITHOUT = """
import sys
sys.modules['{library}'] = None
from mmrs.registry import {registry}
try:
    {registry}.get('{key}')
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize(
    ('library', 'registry', 'key', 'extra'),
    [
        ('mmdet', 'MODELS', 'SAMDet', 'rsprompter'),
        ('mmdet', 'MODELS', 'mmdet.FPN', 'rsprompter'),
        ('diffusers', 'MODELS', 'MetaEarth', 'metaearth'),
    ],
)
def test_a_library_that_is_not_installed(
    library, registry, key, extra, run_python
):
    printed, _ = run_python(
        WITHOUT.format(library=library, registry=registry, key=key)
    )
    assert printed.splitlines()[-1] == (
        f'InputError {key} needs {library}, which is not installed: '
        f'pip install "mmrs[{extra}]"'
    )


OWN_CLASS = """
import mmrs
from mmrs.registry import MODELS

class SumLosses: ...

try:
    MODELS.register_module(module=SumLosses)
except KeyError as error:
    print(error)
MODELS.register_module(module=SumLosses, force=True)
import mmrs.models.change.balancers
assert MODELS.get('SumLosses') is SumLosses
"""


def test_a_class_of_the_same_name(run_python):
    printed, _ = run_python(OWN_CLASS)
    assert 'SumLosses is already registered in model' in printed
    assert 'mmrs.models.change.balancers' in printed
