import numpy as np
import pytest
import torch
from mmpretrain.structures import DataSample
from PIL import Image

from mmrs.visualization.scene_cls_visualizer import SceneClsVisualizer

IMAGE = np.full((64, 64, 3), 128, np.uint8)


@pytest.fixture
def visualizer() -> SceneClsVisualizer:
    visualizer = SceneClsVisualizer()
    visualizer.dataset_meta = dict(classes=('port', 'sea', 'lake'))
    return visualizer


def height(visualizer, tmp_path, sample, **kwargs) -> int:
    """Pixels below the image, which tell how many lines are written."""
    path = tmp_path / 'drawn/a.png'
    visualizer.add_datasample('a', IMAGE, sample, out_file=str(path), **kwargs)
    return Image.open(path).height - 384


def test_draws_truth_and_prediction(visualizer, tmp_path):
    sample = DataSample().set_gt_label(1)
    margins = 3 * 12
    assert height(visualizer, tmp_path, sample) == margins + 30
    sample.set_pred_score(torch.tensor([0.7, 0.2, 0.1]))
    assert height(visualizer, tmp_path, sample) == margins + 4 * 30
    alone = height(visualizer, tmp_path, sample, draw_gt=False)
    assert alone == margins + 3 * 30
    truth = height(visualizer, tmp_path, sample, draw_pred=False)
    assert truth == margins + 30


def test_without_a_file_the_back_ends_receive_it(visualizer, monkeypatch):
    received = []
    monkeypatch.setattr(
        visualizer, 'add_image', lambda *args: received.append(args)
    )
    visualizer.add_datasample('a', IMAGE, DataSample().set_gt_label(1), step=3)
    ((name, picture, step),) = received
    assert (name, step) == ('a', 3)
    assert picture.shape[2] == 3
