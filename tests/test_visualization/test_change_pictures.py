import numpy as np
import pytest
import torch
from PIL import Image

from mmrs.errors import InputError
from mmrs.structures import ChangeDataSample
from mmrs.structures.vocabulary import SPECIAL_WORDS
from mmrs.visualization import draw_change
from mmrs.visualization.change import color_change
from mmrs.visualization.change_visualizer import ChangeVisualizer
from mmrs.visualization.model_inputs import inputs_to_rgb, to_rgb

CLASSES = ('unchanged', 'road', 'building')
PALETTE = [(0, 0, 0), (255, 255, 0), (255, 0, 0)]
EARLIER, LATER = (np.full((96, 96, 3), v, np.uint8) for v in (60, 120))
SIDE, GAP, ROW = 384, 12, 30


def mask() -> np.ndarray:
    mask = np.zeros((96, 96), np.uint8)
    mask[10:40, 10:40] = 1
    mask[60:90, 50:90] = 2
    return mask


def panel(picture: np.ndarray, index: int) -> np.ndarray:
    left = GAP + index * (SIDE + GAP)
    return picture[ROW : ROW + SIDE, left : left + SIDE]


def test_changes_are_filled_and_outlined():
    shown = color_change(LATER, mask(), PALETTE)
    assert (LATER == 120).all()
    assert shown[0, 0].tolist() == [120, 120, 120]
    assert shown[10, 10].tolist() == [255, 255, 0]  # outline
    assert shown[60, 50].tolist() == [255, 0, 0]
    fill = [0.55 * 120 + 0.45 * c for c in (255, 0, 0)]
    np.testing.assert_allclose(shown[75, 70], fill, atol=1)


def test_ignored_pixels_are_grey():
    shown = color_change(LATER, np.full((96, 96), 255), PALETTE)
    assert shown[50, 50].tolist() == [int(0.55 * 120 + 0.45 * 128)] * 3


def test_three_panels_and_a_caption():
    picture = draw_change(
        EARLIER, LATER, mask(), 'a house appears', CLASSES, PALETTE
    )
    assert picture.dtype == np.uint8
    # titles, panels, legend, one line of caption
    assert picture.shape == (
        *(SIDE + GAP + 3 * ROW, 3 * (SIDE + GAP) + GAP),
        3,
    )
    assert (panel(picture, 0) == 60).all()
    assert (panel(picture, 1) == 120).all()
    third = panel(picture, 2)
    assert third[0, 0].tolist() == [120] * 3
    red, green, blue = third[300, 280].astype(int)  # in the building
    assert red > 150 > green == blue
    legend = picture[ROW + SIDE : ROW + SIDE + ROW]
    for color in PALETTE[1:]:
        assert (legend == color).all(axis=2).sum() > 100


def test_captions_alone_have_two_panels():
    picture = draw_change(EARLIER, LATER, caption='no change')
    assert picture.shape[:2] == (
        *(SIDE + GAP + 2 * ROW, 2 * (SIDE + GAP) + GAP),
    )
    said = picture[ROW + SIDE :]
    assert (said < 100).any()
    empty = draw_change(EARLIER, LATER, caption='')
    assert empty.shape == picture.shape
    assert (empty[ROW + SIDE :] < 100).any()


def test_long_captions_are_broken_into_lines():
    picture = draw_change(EARLIER, LATER, caption='some houses ' * 20)
    rows = (picture.shape[0] - SIDE - GAP) / ROW - 1
    assert rows == 3
    line = draw_change(EARLIER, LATER, caption='w' * 400)  # one word
    assert line.shape[0] == SIDE + GAP + 2 * ROW


def test_truth_has_a_panel_and_lines_of_its_own():
    sentences = [f'sentence {i}' for i in range(7)]
    picture = draw_change(
        *(EARLIER, LATER, None, None, CLASSES, PALETTE),
        true_mask=mask(),
        references=sentences,
    )
    assert picture.shape[:2] == (
        *(SIDE + GAP + (2 + 5) * ROW, 3 * (SIDE + GAP) + GAP),
    )


@pytest.mark.parametrize('shape', [(1, 1), (3000, 20), (20, 3000)])
def test_images_of_any_shape(shape):
    image = np.zeros((*shape, 3), np.uint8)
    picture = draw_change(
        *(image, image, np.ones(shape, np.uint8), 'a', CLASSES),
    )
    assert picture.shape[0] <= 1024 + GAP + 60 * ROW
    assert picture.shape[1] <= 3 * (3 * SIDE + GAP) + GAP


@pytest.fixture
def visualizer() -> ChangeVisualizer:
    visualizer = ChangeVisualizer()
    visualizer.dataset_meta = dict(
        classes=CLASSES,
        palette=PALETTE,
        vocabulary=(*SPECIAL_WORDS, 'a', 'house'),
    )
    return visualizer


def drawn(visualizer, tmp_path, sample, **kwargs) -> tuple[int, int]:
    """Count panels, and lines below titles."""
    path = tmp_path / 'drawn/a.png'
    visualizer.add_datasample(
        'a', (EARLIER, LATER), sample, out_file=str(path), **kwargs
    )
    width, height = Image.open(path).size
    return (width - GAP) // (SIDE + GAP), (height - SIDE - GAP) // ROW - 1


def test_draws_truth_and_prediction(visualizer, tmp_path):
    sample = ChangeDataSample(metainfo=dict(captions=['x', 'y']))
    assert drawn(visualizer, tmp_path, sample) == (2, 2)
    sample.gt_mask = torch.zeros(96, 96, dtype=torch.int64)
    assert drawn(visualizer, tmp_path, sample) == (3, 3)
    sample.pred_mask = torch.ones(192, 192, dtype=torch.uint8)
    sample.pred_ids = [4, 5]
    assert drawn(visualizer, tmp_path, sample) == (4, 4)
    assert drawn(visualizer, tmp_path, sample, draw_gt=False) == (3, 2)
    assert drawn(visualizer, tmp_path, sample, draw_pred=False) == (3, 3)


def test_captions_need_words(visualizer, tmp_path):
    del visualizer.dataset_meta['vocabulary']
    sample = ChangeDataSample(pred_ids=[4, 5])
    with pytest.raises(InputError, match='names no vocabulary'):
        drawn(visualizer, tmp_path, sample)


def test_without_a_file_the_back_ends_receive_it(visualizer, monkeypatch):
    received = []
    monkeypatch.setattr(
        visualizer, 'add_image', lambda *args: received.append(args)
    )
    sample = ChangeDataSample(pred_ids=[4])
    visualizer.add_datasample('a', (EARLIER, LATER), sample, step=3)
    ((name, picture, step),) = received
    assert (name, step) == ('a', 3)
    assert picture.shape[2] == 3


def test_images_of_any_bands():
    bands = np.arange(5) * 100.0 - 50 + np.zeros((2, 2, 5))
    assert to_rgb(bands)[0, 0].tolist() == [0, 50, 150]
    assert to_rgb(bands[..., 2:4])[0, 0].tolist() == [150] * 3


def test_inputs_of_models():
    bgr = torch.tensor([1, 2, 3]).view(3, 1, 1)
    assert inputs_to_rgb(bgr).tolist() == [[[3, 2, 1]]]
    dates = inputs_to_rgb(dict(img_a=bgr, img_b=bgr + 1))
    assert [date.tolist() for date in dates] == [[[[1, 2, 3]]], [[[2, 3, 4]]]]
