import cv2
import numpy as np
import pytest
from pycocotools import mask as coco_mask

from mmrs.synthetic.layouts.coco import CocoFile, outlines


def without_holes(mask: np.ndarray) -> np.ndarray:
    outside = (~np.pad(mask, 1)).astype(np.uint8)
    parts = cv2.connectedComponents(outside, connectivity=4)[1]
    return (parts != parts[0, 0])[1:-1, 1:-1]


@pytest.mark.parametrize('seed', range(20))
def test_outlines_rasterise_to_the_mask(seed):
    rng = np.random.default_rng(seed)
    field = cv2.GaussianBlur(rng.random((40, 50)), (0, 0), rng.uniform(1, 4))
    mask = without_holes(field > np.median(field))
    rles = coco_mask.frPyObjects(outlines(mask), *mask.shape)
    again = coco_mask.decode(coco_mask.merge(rles)).astype(bool)
    np.testing.assert_array_equal(again, mask)


def test_outline_of_a_pixel_and_of_a_corner():
    mask = np.zeros((4, 5), bool)
    mask[1, 2] = True
    assert sorted(zip(*[iter(outlines(mask)[0])] * 2)) == [
        (2.0, 1.0), (2.0, 2.0), (3.0, 1.0), (3.0, 2.0),
    ]  # fmt: skip
    mask[2, 2] = mask[2, 3] = True
    assert len(outlines(mask)[0]) == 2 * 6


@pytest.mark.parametrize('polygons', [True, False])
def test_area_and_box_are_those_of_the_mask(polygons):
    mask = np.zeros((30, 40), bool)
    mask[4:9, 10:31] = mask[4:20, 10:14] = True
    coco = CocoFile(('a', 'b'))
    coco.add_image(6, 'x.jpg', mask.shape)
    coco.add_mask('b', mask, polygons)
    (annotation,) = coco.annotations
    assert annotation['area'] == mask.sum()
    assert annotation['bbox'] == [10, 4, 21, 16]
    assert annotation['category_id'] == 2
    assert annotation['image_id'] == 6
