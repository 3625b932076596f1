"""Builds of this room's tests run in the scope of the project."""

import pytest
from mmengine.registry import DefaultScope


@pytest.fixture(autouse=True)
def scope():
    with DefaultScope.overwrite_default_scope('mmrs'):
        yield
