"""Measures of seams, on images whose seams are known."""

import numpy as np
import pytest

from mmrs.evaluation import autocorrelation_peak, overlap_mae, seam_ratio


def texture(height=200, width=260, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(128, 20, (height, width, 3))


def test_image_without_seams():
    assert seam_ratio(texture(), 32) == pytest.approx(1, abs=0.02)


def test_steps_by_hand():
    # Two columns of windows: steps of 1 inside, of 6 across their seam.
    row = np.array([0, 1, 2, 8, 9, 10])
    image = np.broadcast_to(row[None, :, None], (2, 6, 3))
    vertical = 6, (1 + 1 + 1 + 1) / 4
    # Vertical steps, all 0 and none of them at a seam, count too.
    expected = vertical[0] / (4 * 2 / (4 * 2 + 6))
    assert seam_ratio(image, 3) == pytest.approx(expected)


def test_shifted_windows_are_seen():
    image = texture() / 10
    image[64:128, 64:128] += 8
    assert seam_ratio(image, 64) > 1.3
    assert seam_ratio(image, 50) == pytest.approx(1, abs=0.1)


def test_pixels_of_the_condition_are_no_seams():
    coarse = texture(24, 24).repeat(4, 0).repeat(4, 1)
    assert seam_ratio(coarse, 32) > 3
    assert seam_ratio(coarse, 32, lattice=4) == pytest.approx(1, abs=0.1)
    coarse[32:64] += 80
    assert seam_ratio(coarse, 32, lattice=4) > 1.1


def test_no_seam_or_no_step():
    assert seam_ratio(texture(20, 20), 32) is None
    assert seam_ratio(np.zeros((64, 64, 3)), 32) is None


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
