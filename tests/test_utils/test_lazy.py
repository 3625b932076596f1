import subprocess
import sys

import pytest

import mmrs.datasets

WITHOUT_MMDET = """
import sys
sys.modules['mmdet'] = None
import mmrs.datasets, mmrs.evaluation, mmrs.apis
assert not {'torch', 'mmcv', 'mmpretrain', 'cv2'} & set(sys.modules)
assert 'UCMercedDataset' in dir(mmrs.datasets)
from mmrs.datasets import AIDDataset, NWPURESISC45Dataset, UCMercedDataset
from mmrs.evaluation import SceneClsMetric
from mmrs.apis import SceneClassificationInferencer
try:
    from mmrs.datasets import InstanceSegDataset
except ImportError as error:
    assert 'mmdet' in str(error)
else:
    raise AssertionError('mmdet was imported')
"""


def test_scene_classification_needs_no_mmdet():
    done = subprocess.run(
        [sys.executable, '-c', WITHOUT_MMDET], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_names_are_those_of_their_modules():
    from mmrs.datasets.transforms import LoadRSImage

    assert mmrs.datasets.LoadRSImage is LoadRSImage
    assert set(mmrs.datasets.__all__) <= set(dir(mmrs.datasets))


def test_unknown_names():
    with pytest.raises(AttributeError, match='datasets has no .* Scenes'):
        mmrs.datasets.Scenes  # noqa: B018
    with pytest.raises(ImportError, match='Scenes'):
        from mmrs.datasets import Scenes  # noqa: F401
