"""Ranking labels that look wrong."""

import dataclasses

import numpy as np
import pytest
from scipy.ndimage import label as find_parts

from mmrs.errors import InputError
from mmrs.evaluation import audit_image, injected_among_top
from mmrs.evaluation.metrics.class_map_dump import DumpedMaps


@pytest.fixture
def maps() -> DumpedMaps:
    """A cloud that was labelled snow, a missed corner, and one odd pixel."""
    truth = np.zeros((12, 12), np.uint8)
    truth[2:6, 2:7] = 1
    label = truth.copy()
    label[2:6, 2:7] = 2
    predicted = truth.copy()
    predicted[9:12, 9:12] = 1
    predicted[0, 11] = 2
    label[11] = 255
    confidence = np.full((12, 12), 0.5, np.float32)
    confidence[2:6, 2:7] = 0.9
    return DumpedMaps('a', 'noisy', predicted, confidence, label, truth)


def test_regions_are_ranked_by_size_and_confidence(maps):
    found = audit_image(maps)
    cloud, corner = found.regions
    assert (cloud.given, cloud.told, cloud.pixels) == (2, 1, 20)
    assert cloud.box == (2, 2, 7, 6) and cloud.injected == 1
    assert cloud.score == pytest.approx(18)
    # The last row is not labelled, and the single pixel is too small.
    assert (corner.given, corner.told, corner.pixels) == (0, 1, 6)
    assert corner.score == pytest.approx(3) and corner.injected == 0
    assert found.score == pytest.approx(21 / 132)
    assert found.disagreed == pytest.approx(27 / 132)
    assert len(audit_image(maps, least=1).regions) == 3


def test_all_wrong_pixels_are_in_some_region():
    rng = np.random.default_rng(0)
    label, predicted = rng.integers(0, 3, (2, 30, 40), np.uint8)
    confidence = rng.random((30, 40)).astype(np.float32)
    maps = DumpedMaps('a', None, predicted, confidence, label, None)
    found = audit_image(maps, least=1)
    expected = 0
    for given in range(3):
        for told in {0, 1, 2} - {given}:
            here = (label == given) & (predicted == told)
            expected += find_parts(here, np.ones((3, 3)))[1]
    assert len(found.regions) == expected
    wrong = label != predicted
    assert sum(r.pixels for r in found.regions) == wrong.sum()
    assert found.score == pytest.approx(confidence[wrong].sum() / 1200)
    assert found.regions[0].injected is None


def test_share_of_injected_errors_among_the_top(maps):
    region = audit_image(maps).regions[0]
    # 20 regions of falling confidence; the first, third and tenth are wrong.
    regions = [
        dataclasses.replace(
            region,
            pixels=10,
            confidence=1 - n / 40,
            injected=1.0 if n in (0, 2, 9) else 0.2,
        )
        for n in range(20)
    ]
    figures = injected_among_top(reversed(regions), share=0.1)
    assert figures['regions'] == 20 and figures['top'] == 2
    assert figures['top_injected'] == 0.5
    assert figures['all_injected'] == 3 / 20
    assert figures['pixels_found'] == pytest.approx(1.2 / (3 + 17 * 0.2))
    assert injected_among_top(regions, share=0.01)['top'] == 1
    assert injected_among_top([]) == dict(regions=0, top=0)


def test_a_map_without_label(maps):
    with pytest.raises(InputError, match='a was kept without its label'):
        audit_image(dataclasses.replace(maps, label=None))
