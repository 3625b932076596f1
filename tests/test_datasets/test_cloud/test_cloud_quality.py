import numpy as np
import pytest

from mmrs.datasets.cloud_quality import (
    miss_rate,
    rate_bright,
    rate_labels,
    rate_mixed,
    rate_thin,
)


def test_a_step_is_sharp_and_a_ramp_is_thin():
    x = np.arange(40.0)
    cloud = np.tile(x >= 20, (10, 1))
    known = np.ones_like(cloud)
    step = np.tile(x >= 20, (10, 1)).astype(float)
    assert rate_thin(step, cloud, known) == pytest.approx(0)
    # A ramp of 1/8 a pixel, over the whole span: 1 - 2/8.
    ramp = np.tile(np.clip((x - 16) / 8, 0, 1), (10, 1))
    assert rate_thin(ramp, cloud, known) == pytest.approx(0.75)
    assert rate_thin(7 * ramp + 3, cloud, known) == pytest.approx(0.75)
    assert rate_thin(step * 0, cloud, known) == 1
    assert rate_thin(step, cloud & False, known) == 0
    # An edge to ignored pixels is none.
    assert rate_thin(ramp, cloud, cloud) == 0


def test_share_of_bright_ground():
    brightness = np.array([[1.0, 2, 3, 4, 5, 6]])
    cloud = np.array([[0, 0, 0, 1, 0, 0]], bool)
    assert rate_bright(brightness, cloud, ~cloud) == pytest.approx(2 / 5)
    assert rate_bright(brightness, cloud, cloud & False) == 0
    assert rate_bright(brightness, cloud & False, ~cloud) == 0


def test_mixtures():
    cloud = np.array([1, 1, 1, 0, 0], bool)
    snow = np.array([0, 0, 0, 1, 0], bool)
    assert rate_mixed(cloud, snow) == pytest.approx(4 * 3 / 4 * 1 / 4)
    assert rate_mixed(cloud, snow & False) == 0
    assert rate_mixed(cloud & False, cloud & False) == 0


def test_classes_are_told_by_name():
    image = np.arange(12.0).reshape(2, 6, 1).repeat(4, 2)
    label = np.array([[0, 1, 2, 3, 0, 255], [0] * 6], np.uint8)
    four = ('clear', 'thick', 'thin', 'shadow')
    rated = rate_labels(dict(img=image, gt_seg_map=label), four)
    # Clouds are 1 and 2: of 0, 3, 4 and 6 to 11, all but 0 are brighter.
    assert rated['bright'] == pytest.approx(8 / 9)
    assert rated['mixed'] == 0
    three = ('background', 'cloud', 'snow')
    label[0, 3] = 255
    rated = rate_labels(dict(img=image, gt_seg_map=label), three)
    assert rated['mixed'] == 1


def test_miss_rate_by_hand():
    labels = np.array([0, 0, 1, 1, 255], np.uint8)
    predicted = np.array([0, 1, 1, 1, 2], np.uint8)
    assert miss_rate(predicted, labels) == pytest.approx(
        1 - (1 / 2 + 2 / 3) / 2
    )
    assert miss_rate(labels, labels) == 0
    assert miss_rate(predicted, labels * 0 + 255) == 0
