import numpy as np
import pytest

from mmrs.visualization import draw_instances
from mmrs.visualization.instances import hues

RED, BLUE = (255, 0, 0), (0, 0, 255)


def square(height, width, y, x, side) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    mask[y : y + side, x : x + side] = True
    return mask


def test_fills_outlines_and_names_each_instance():
    image = np.full((200, 300, 3), 100, np.uint8)
    masks = np.stack(
        [square(200, 300, 80, 20, 60), square(200, 300, 80, 180, 60)]
    )
    drawn = draw_instances(
        image, masks, [1, 0], [0.5, 0.9], ['ship', 'tank'], [RED, BLUE]
    )
    assert drawn.shape == image.shape
    assert drawn.dtype == np.uint8
    assert (image == 100).all()  # the input is left as it is
    # 35 % of the class colour over 65 % of grey 100
    assert drawn[110, 50].tolist() == [65, 65, 154]
    assert drawn[110, 210].tolist() == [154, 65, 65]
    np.testing.assert_allclose(drawn[110, 20], BLUE, atol=20)  # outline
    assert (drawn[70:79, 21:40] == BLUE).all(axis=2).any()  # plate of name
    assert (drawn[150:, :] == 100).all()


def test_no_instance_leaves_the_image():
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    drawn = draw_instances(
        image, np.zeros((0, 4, 4), bool), [], [], ['ship'], [RED]
    )
    np.testing.assert_array_equal(drawn, image)


def test_an_empty_mask_is_no_error():
    image = np.full((40, 40, 3), 9, np.uint8)
    masks = np.zeros((1, 40, 40), bool)
    drawn = draw_instances(image, masks, [0], [0.9], ['ship'], [RED])
    np.testing.assert_array_equal(drawn, image)


def test_small_instances_lie_on_top_of_large_ones():
    image = np.zeros((100, 100, 3), np.uint8)
    masks = np.stack(
        [square(100, 100, 45, 45, 10), square(100, 100, 5, 5, 90)]
    )
    drawn = draw_instances(
        image, masks, [0, 1], [0.1, 0.9], ['ship', 'lake'], [RED, BLUE]
    )
    red, _, blue = drawn[50, 50].tolist()
    assert red > blue


@pytest.mark.parametrize('side', [24, 300, 2000])
def test_names_stay_inside_images_of_any_size(side):
    image = np.zeros((side, side, 3), np.uint8)
    mask = square(side, side, 0, side - side // 8, side // 8)
    drawn = draw_instances(
        image, mask[None], [0], [0.75], ['baseball_diamond'], [RED]
    )
    assert drawn.any()


def test_names_in_a_crowd_hide_no_other_instance():
    image = np.zeros((240, 240, 3), np.uint8)
    places = [(y, x) for y in range(10, 220, 30) for x in range(10, 220, 30)]
    masks = np.stack([square(240, 240, y, x, 12) for y, x in places])
    drawn = draw_instances(
        image,
        masks,
        [0] * len(places),
        [0.99] * len(places),
        ['vehicle'],
        [RED],
    )
    plain = (255 * 0.35, 0, 0)
    for y, x in places:
        centre = drawn[y + 5 : y + 7, x + 5 : x + 7].reshape(-1, 3)
        np.testing.assert_allclose(centre, [plain] * 4, atol=1)


def test_default_colors_differ():
    assert len(set(hues(30))) == 30
