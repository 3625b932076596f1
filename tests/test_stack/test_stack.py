"""The stack layer, in interpreters of its own where imports matter.

The tests that serve the stand-in need an mmcv without compiled operators, as
a plain ``pip install`` gives, and are skipped beside a compiled one.
"""

import importlib.metadata
import importlib.util
import sys
import warnings

import pytest

from mmrs.stack import imports as stack

COMPILED = importlib.util.find_spec('mmcv._ext').origin != (
    stack.STAND_IN_ORIGIN
)
needs_bare_mmcv = pytest.mark.skipif(COMPILED, reason='mmcv is compiled')


def test_importing_mmrs_imports_nothing_heavy(run_python):
    printed, _ = run_python(
        'import mmrs, sys\n'
        'heavy = ("torch", "mmengine", "mmcv", "mmrs.ops.mmcv_ext", "numpy",\n'
        '         "mmdet", "mmseg", "mmpretrain", "cv2", "rasterio")\n'
        'print([name for name in heavy if name in sys.modules])'
    )
    assert printed == '[]\n'


@pytest.mark.slow
@needs_bare_mmcv
def test_all_model_packages_import_quietly_without_compiled_operators(
    run_python,
):
    transformers = importlib.metadata.version('transformers')
    printed, _ = run_python(
        'import mmrs\n'
        'import mmdet.models, mmseg.models, mmpretrain.models\n'
        'import mmdet.datasets, mmseg.datasets, mmpretrain.datasets\n'
        'from mmpretrain.utils import dependency\n'
        'import mmcv._ext\n'
        'print(mmcv._ext.__spec__.origin, dependency.WITH_MULTIMODAL)'
    )
    multimodal = int(transformers.split('.')[0]) < 5
    assert printed == f'{stack.STAND_IN_ORIGIN} {multimodal}\n'


@needs_bare_mmcv
def test_the_extension_is_truly_absent_without_mmrs(run_python):
    run_python(
        'try:\n'
        '    import mmcv._ext\n'
        'except ModuleNotFoundError:\n'
        '    pass\n'
        'else:\n'
        '    raise AssertionError("found without mmrs")'
    )


def test_a_compiled_extension_wins_over_the_stand_in(tmp_path, run_python):
    package = tmp_path / 'mmcv'
    package.mkdir()
    (package / '__init__.py').touch()
    (package / '_ext.py').write_text('nms = "the compiled one"')
    printed, _ = run_python(
        'import mmrs, mmcv._ext\nprint(mmcv._ext.nms)', path=tmp_path
    )
    assert printed == 'the compiled one\n'


def test_a_broken_compiled_extension_is_not_hidden(tmp_path, run_python):
    package = tmp_path / 'mmcv'
    package.mkdir()
    (package / '__init__.py').touch()
    (package / '_ext.py').write_text('raise ImportError("undefined symbol")')
    printed, _ = run_python(
        'import mmrs\n'
        'try:\n'
        '    import mmcv._ext\n'
        'except ImportError as error:\n'
        '    print(error)',
        path=tmp_path,
    )
    assert printed == 'undefined symbol\n'


@pytest.mark.parametrize(
    ('version', 'multimodal'), [('4.57.6', True), ('5.1.0', False)]
)
def test_multimodal_models_depend_on_transformers(
    tmp_path, version, multimodal, run_python, make_distribution
):
    make_distribution('transformers', version)
    utils = tmp_path / 'mmpretrain' / 'utils'
    utils.mkdir(parents=True)
    (tmp_path / 'mmpretrain' / '__init__.py').touch()
    (utils / '__init__.py').touch()
    (utils / 'dependency.py').write_text('WITH_MULTIMODAL = True')
    printed, _ = run_python(
        'import mmrs\n'
        'from mmpretrain.utils import dependency\n'
        'print(dependency.WITH_MULTIMODAL)',
        path=tmp_path,
    )
    assert printed == f'{multimodal}\n'


def test_only_the_notes_on_onedl_are_dropped(tmp_path, run_python):
    package = tmp_path / 'mmseg'
    package.mkdir()
    (package / '__init__.py').touch()
    (package / 'datasets.py').write_text(
        'print("Could not import OneDL")\nprint("something else")'
    )
    printed, _ = run_python('import mmrs, mmseg.datasets', path=tmp_path)
    assert printed == 'something else\n'


def test_setting_up_twice_does_no_harm(tmp_path, run_python):
    package = tmp_path / 'mmseg'
    package.mkdir()
    (package / '__init__.py').touch()
    (package / 'datasets.py').write_text('print("loaded")')
    printed, _ = run_python(
        'import mmrs\nmmrs.setup_stack()\nimport mmseg.datasets',
        path=tmp_path,
    )
    assert printed == 'loaded\n'


def test_hooked_modules_keep_their_source(tmp_path, run_python):
    package = tmp_path / 'mmseg'
    package.mkdir()
    (package / '__init__.py').touch()
    (package / 'datasets.py').write_text('def load():\n    return 1\n')
    printed, _ = run_python(
        'import mmrs, inspect, mmseg.datasets\n'
        'print(inspect.getsource(mmseg.datasets.load), end="")',
        path=tmp_path,
    )
    assert printed == 'def load():\n    return 1\n'


@needs_bare_mmcv
@pytest.mark.parametrize('first', ['mmdet', 'mmdet.structures', 'mmpretrain'])
def test_libraries_without_operators_may_come_first(first, run_python):
    run_python(f'import {first}\nimport mmrs')


@needs_bare_mmcv
def test_modules_that_missed_the_operators_are_refused(run_python):
    _, warned = run_python(
        'import mmdet.structures.mask\n'
        'from traceback import print_exc\n'
        'for _ in range(2):\n'
        '    try:\n'
        '        import mmrs\n'
        '    except ValueError:\n'
        '        print_exc()\n'
    )
    message = 'InputError: mmdet.structures.mask.structures was imported '
    assert warned.count(message) == 2
    assert '`import mmrs` before mmdet' in warned


def test_a_compiled_mmcv_may_come_first(tmp_path, run_python):
    package = tmp_path / 'mmcv'
    package.mkdir()
    (package / '__init__.py').write_text('from mmcv.ops import nms')
    (package / 'ops.py').write_text('from mmcv._ext import nms')
    (package / '_ext.py').write_text('nms = "the compiled one"')
    run_python('import mmcv\nimport mmrs', path=tmp_path)


def test_multimodal_models_are_left_out_late(
    tmp_path, run_python, make_distribution
):
    make_distribution('transformers', '5.1.0')
    utils = tmp_path / 'mmpretrain' / 'utils'
    utils.mkdir(parents=True)
    (tmp_path / 'mmpretrain' / '__init__.py').touch()
    (utils / '__init__.py').touch()
    (utils / 'dependency.py').write_text('WITH_MULTIMODAL = True')
    printed, _ = run_python(
        'from mmpretrain.utils import dependency\n'
        'import mmrs\n'
        'print(dependency.WITH_MULTIMODAL)',
        path=tmp_path,
    )
    assert printed == 'False\n'


def test_two_owners_of_a_folder_are_warned_about_once(
    tmp_path, run_python, make_distribution
):
    make_distribution('onedl-mmcv', '2.3.6')
    make_distribution('mmcv', '2.2.0')
    _, warned = run_python('import mmrs, mmrs.registry', path=tmp_path)
    assert warned.count('onedl-mmcv and mmcv are both installed') == 1
    assert 'folder mmcv' in warned
    assert (
        'pip uninstall -y mmcv && '
        'pip install --force-reinstall --no-deps onedl-mmcv'
    ) in warned


def test_one_owner_is_not_warned_about(
    monkeypatch, tmp_path, make_distribution
):
    make_distribution('mmsegmentation', '1.2.2')
    monkeypatch.setattr(sys, 'path', [str(tmp_path)])
    monkeypatch.setattr(sys, 'meta_path', sys.meta_path.copy())
    assert stack.installed_owners('mmseg') == ['mmsegmentation']
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        stack.setup_stack()


OPTIONAL = (
    'mmdet', 'mmseg', 'mmpretrain', 'segment_anything', 'peft', 'rasterio',
    'faster_coco_eval', 'transformers', 'pycocotools',
)  # fmt: skip


@pytest.mark.slow
def test_the_core_imports_without_any_optional_library(run_python):
    run_python(
        f'import sys\n'
        f'sys.modules.update(dict.fromkeys({OPTIONAL}))\n'
        'import importlib, pkgutil\n'
        'import mmrs.ops, mmrs.registry, mmrs.utils\n'
        'for package in (mmrs.ops, mmrs.utils):\n'
        '    prefix = package.__name__ + "."\n'
        '    for module in pkgutil.walk_packages(package.__path__, prefix):\n'
        '        importlib.import_module(module.name)\n'
    )


def test_mmengine_imported_first_reads_checkpoints_safely(
    run_python, tmp_path
):
    printed, _ = run_python(
        'import os\n'
        'import torch\n'
        'from mmengine.runner import CheckpointLoader\n'
        'import mmrs\n'
        'class Touch:\n'
        '    def __reduce__(self):\n'
        f'        return os.mkdir, ({str(tmp_path / "ran")!r},)\n'
        f'path = {str(tmp_path / "x.pth")!r}\n'
        'torch.save(dict(w=Touch()), path)\n'
        'try:\n'
        '    CheckpointLoader.load_checkpoint(path)\n'
        'except ValueError as error:\n'
        '    print(type(error).__name__)'
    )
    assert printed.endswith('InputError\n')
    assert not (tmp_path / 'ran').exists()
