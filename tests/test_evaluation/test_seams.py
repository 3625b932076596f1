"""Measures of seams, on images whose seams are known."""

import numpy as np
import pytest

from mmrs.evaluation import autocorrelation_peak, overlap_mae, seam_ratio


def texture(height=200, width=260, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(128, 20, (height, width, 3))


def windows(stride, shift, step, height=192, width=256):
    """Random levels of windows whose seams lie at `shift` + n `stride`."""
    rng = np.random.default_rng(stride + shift)
    rows, cols = (np.arange(n) for n in (height, width))
    rows, cols = ((at - shift) // stride + 1 for at in (rows, cols))
    levels = rng.normal(0, step, (20, 20, 1))
    return levels[rows[:, None], cols]


def test_the_same_image_twice_has_no_seams():
    assert seam_ratio(texture(), texture(), 32) == 1


def test_steps_by_hand():
    # Steps of 1 everywhere, and of 6 across seams: two in each image.
    image = np.cumsum([0, 1, 1, 1, 6, 1, 1, 1, 6, 1])
    shifted = np.cumsum([0, 1, 6, 1, 1, 1, 6, 1, 1, 1])
    image, shifted = (
        np.broadcast_to(row[None, :, None], (3, 10, 3))
        for row in (image, shifted)
    )
    # Vertical steps, all 0, count too, and so do those of the image turned.
    assert seam_ratio(image, shifted, 4) == pytest.approx(6)
    turned = [x.swapaxes(0, 1) for x in (image, shifted)]
    assert seam_ratio(*turned, 4) == pytest.approx(6)


def test_windows_of_other_brightness_are_seen():
    scene = texture(192, 256) / 10
    seen = [scene + windows(64, shift, 5) for shift in (0, 32)]
    assert seam_ratio(*seen, 64) > 1.3
    assert seam_ratio(scene, scene, 64) == 1


def test_edges_of_the_scene_are_no_seams():
    # Fields of the very size of windows.
    scene = texture(192, 256) / 10 + windows(64, 0, 50)
    assert seam_ratio(scene, scene, 64) == 1
    faint = [scene + windows(64, shift, 5) for shift in (0, 32)]
    assert seam_ratio(*faint, 64) > 1.05


def test_no_seam_or_no_step():
    small = texture(15, 15)
    assert seam_ratio(small, small, 32) is None
    flat = np.zeros((64, 64, 3))
    assert seam_ratio(flat, flat, 32) is None


def test_lattice_has_a_peak():
    block = texture(32, 32)
    copies = np.tile(block, (6, 7, 1))
    assert autocorrelation_peak(copies, 32) > 0.9
    assert abs(autocorrelation_peak(texture(), 32)) < 0.03
    # A weak print on a scene that is smooth.
    smooth = np.add.outer(np.arange(192), np.arange(224))[..., None] / 3
    assert autocorrelation_peak(smooth + copies / 20, 32) > 0.5
    faint = texture(192, 224) + copies - 128
    assert autocorrelation_peak(faint, 32) == pytest.approx(0.5, abs=0.1)


def test_smooth_image_has_no_peak():
    at = np.arange(300) / 60
    image = 100 * np.sin(at)[:, None, None] * np.cos(at)[None, :, None]
    noisy = image + texture(300, 300) / 50
    assert abs(autocorrelation_peak(noisy, 64)) < 0.03


def test_no_room_for_a_peak():
    assert autocorrelation_peak(texture(30, 300), 32) is None
    assert autocorrelation_peak(np.full((99, 99, 3), 7), 32) is None


def test_difference_of_neighbours():
    a = np.zeros((2, 2, 3), np.uint8)
    pairs = [(a, a + 3), (a + 255, a + 254)]
    assert overlap_mae(pairs) == 2
    assert np.isnan(overlap_mae([]))
