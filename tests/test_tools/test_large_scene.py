"""The benchmark of large scenes: all three ways give one map."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio

PATH = Path(__file__).parents[2] / 'tools/benchmarks/large_scene.py'


@pytest.fixture(scope='module')
def tool():
    return runpy.run_path(str(PATH))


@pytest.fixture(scope='module')
def args(tool):
    argv, sys.argv = sys.argv, ['x', '--json', '--tile=64', '--overlap=16']
    yield tool['parse_args']()
    sys.argv = argv


@pytest.fixture(scope='module')
def inferencer(tool, args):
    return tool['build'](args)


def test_all_ways_predict_the_same_scene(tool, args, inferencer, tmp_path):
    scene = tmp_path / 'scene.tif'
    tool['write_scene'](scene, 64, 64)
    maps = [
        tool['read_map'](run(inferencer, scene, tmp_path / name, args))
        for name, run in tool['RUNS'].items()
    ]
    # One tile: there is nothing to blend.
    assert len(maps) == 3 and len(np.unique(maps[0])) > 1
    for other in maps[1:]:
        np.testing.assert_array_equal(other, maps[0])


def test_the_upper_rows_of_scenes_are_equal(tool, tmp_path):
    for height in (600, 1300):
        tool['write_scene'](tmp_path / f'{height}.tif', height, 70)
    low, high = (rasterio.open(tmp_path / f'{h}.tif') for h in (600, 1300))
    with low, high:
        assert high.shape == (1300, 70) and high.descriptions == tool['BANDS']
        np.testing.assert_array_equal(low.read(), high.read()[:, :600])
