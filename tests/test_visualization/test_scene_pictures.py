import numpy as np
import pytest

from mmrs.visualization import draw_confusion_matrix, draw_scene

GRAY, RED = (128, 128, 128), (255, 0, 0)


def plain(height, width, color=GRAY) -> np.ndarray:
    return np.full((height, width, 3), color, np.uint8)


def bar_lengths(picture: np.ndarray, rows: int) -> list[int]:
    """Colored pixels of each bar; the track is light, the writing dark."""
    lines = [picture[-12 - 30 * (rows - i) + 15] for i in range(rows)]
    spread = [line.max(axis=1) - line.min(axis=1) for line in lines]
    return [int((s > 20).sum()) for s in spread]


def test_bars_are_as_long_as_the_probabilities():
    image = plain(60, 80)
    picture = draw_scene(image, ['port', 'sea', 'lake'], [0.8, 0.2, 0.0])
    assert picture.dtype == np.uint8
    assert (image == 128).all()
    assert picture[12 + 384 // 2, 12 + 512 // 2].tolist() == [*GRAY]
    first, second, third = bar_lengths(picture, 3)
    assert first == pytest.approx(4 * second, rel=0.03)
    assert second > 20
    assert third == 0


def test_activation_colors_what_speaks_for_the_class():
    activation = np.array([[-3.0, 0.0], [0.0, 2.0]])
    picture = draw_scene(
        plain(100, 100), ['port'], [1.0], activation, plain(50, 50, RED)
    )
    image, seen = picture[12:396, 12:396], picture[12:396, 408:792]
    assert (image == GRAY).all()
    # what speaks against the class is not shown
    np.testing.assert_allclose(seen[:60, :60] - np.array(RED), 0, atol=5)
    assert (seen[-60:, -60:] != RED).any(axis=2).all()


def test_activation_without_support_leaves_the_image():
    picture = draw_scene(plain(10, 10), ['port'], [1.0], -np.ones((2, 2)))
    assert (picture[12:396, 408:792] == GRAY).all()


@pytest.mark.parametrize('height, width', [(1, 1), (3000, 20), (20, 3000)])
def test_images_of_any_shape(height, width):
    name = 'a_name_longer_than_any_picture_' * 9
    picture = draw_scene(plain(height, width), [name], [0.5])
    assert 384 <= picture.shape[1] <= 1200
    (length,) = bar_lengths(picture, 1)
    assert length > 20


def test_truth_is_red_where_the_prediction_is_wrong():
    image, names = plain(50, 50), ['port', 'sea']
    right = draw_scene(image, names, [0.6, 0.4], truth='port')
    wrong = draw_scene(image, names, [0.6, 0.4], truth='sea')
    alone = draw_scene(image, [], [], truth='sea')
    assert right.shape[0] == wrong.shape[0] == alone.shape[0] + 60

    def is_red(picture: np.ndarray) -> bool:
        line = picture[12 + 384 + 12 :][:30].astype(int)
        return bool((line[..., 0] - line[..., 1] > 100).any())

    assert [is_red(p) for p in (right, wrong, alone)] == [False, True, False]


def test_confusion_matrix_is_dark_where_it_is_high():
    counts = np.diag([10, 10, 10])
    picture = draw_confusion_matrix(counts, ['port', 'sea', 'lake'])
    blue = (picture[..., 2].astype(int) - picture[..., 0]) > 60
    rows, columns = blue.nonzero()
    assert np.corrcoef(rows, columns)[0, 1] > 0.8  # along the diagonal


def test_confusion_matrix_with_a_class_without_images():
    counts = np.array([[2, 0], [0, 0]])
    assert draw_confusion_matrix(counts, ['port', 'sea']).ndim == 3
