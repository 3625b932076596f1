import numpy as np
import pytest

from mmrs.visualization.class_maps import (
    bands_to_rgb,
    color_classes,
    draw_row,
    outline_mask,
)
from mmrs.visualization.panels import GAP, ROW

PALETTE = [(0, 0, 0), (128, 128, 128), (255, 255, 255)]


def test_true_colour_by_the_names_of_the_bands():
    rng = np.random.default_rng(0)
    image = rng.uniform(0, 0.8, (20, 30, 4))
    shown = bands_to_rgb(image, ('blue', 'green', 'red', 'nir'))
    assert shown.shape == (20, 30, 3) and shown.dtype == np.uint8
    low, high = np.percentile(image[..., :3], (1, 99))
    share = np.clip((image[..., 2] - low) / (high - low), 0, 1)
    np.testing.assert_allclose(shown[..., 0], 255 * share**0.5, atol=1)
    grey = bands_to_rgb(image[..., :2], (0, 1))
    assert (grey[..., 0] == grey[..., 2]).all() and grey.max() == 255


def test_colours_of_classes():
    colours = color_classes(np.array([[0, 1, 2, 255]], np.uint8), PALETTE)
    assert colours.tolist() == [[[0, 0, 0], [128] * 3, [255] * 3,
                                 [255, 0, 255]]]  # fmt: skip


def test_outline_is_the_rim_of_the_mask():
    mask = np.zeros((7, 7), bool)
    mask[1:6, 1:6] = True
    drawn = outline_mask(np.zeros((7, 7, 3), np.uint8), mask, (255, 0, 0))
    red = drawn[..., 0] == 255
    assert red.sum() == 16 and not red[2:5, 2:5].any()


@pytest.mark.parametrize('shape', [(10, 20), (20, 10)])
def test_a_row_has_its_pictures_side_by_side(shape):
    first = np.full((*shape, 3), 10, np.uint8)
    second = np.full((*shape, 3), 200, np.uint8)
    row = np.array(draw_row(dict(image=first, label=second), height=40))
    width = 40 * shape[1] // shape[0]
    assert row.shape == (40 + ROW, 2 * width + GAP, 3)
    assert (row[ROW:, :width] == 10).all()
    assert (row[ROW:, width + GAP :] == 200).all()
    assert (row[:ROW] < 100).any()  # the titles
