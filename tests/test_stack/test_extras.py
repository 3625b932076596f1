import sys

import pytest

from mmrs.stack.extras import extras_with, is_installed, missing_library


@pytest.mark.parametrize(
    ('library', 'extras'),
    [
        ('mmdet', {'rsprompter'}),
        ('mmseg', {'change', 'cloud-snow'}),
        ('faster_coco_eval', {'rsprompter'}),
        ('peft', {'lora'}),
        ('torch', set()),
        ('no_such_library', set()),
    ],
)
def test_extras_of_a_library(library, extras):
    assert set(extras_with(library)) == extras


def test_a_library_that_is_kept_from_being_imported(monkeypatch):
    assert is_installed('json')
    assert not is_installed('no_such_library')
    monkeypatch.setitem(sys.modules, 'mmseg', None)
    assert not is_installed('mmseg')
    error = missing_library('FastSCNN', 'mmseg.models')
    assert str(error).startswith('FastSCNN needs mmseg, which is not inst')
    for extra in ('change', 'cloud-snow'):
        assert f'pip install "mmrs[{extra}]"' in str(error)


def test_no_error_for_what_no_extra_brings(monkeypatch):
    monkeypatch.setitem(sys.modules, 'torch', None)
    assert missing_library('X', 'torch') is None
    assert missing_library('X', 'json') is None
