"""Which labels look wrong: regions where a sure model says otherwise."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mmrs.errors import InputError
from mmrs.evaluation.metrics.class_map_dump import DumpedMaps

__all__ = [
    'ImageSuspicion',
    'SuspiciousRegion',
    'audit_image',
    'injected_among_top',
]


@dataclass(frozen=True)
class SuspiciousRegion:
    """A connected region with one label that is taken for one other class.

    Attributes:
        sample_id: Name of the image.
        given: The label's class.
        told: The model's class.
        pixels: Size of the region.
        confidence: Mean confidence of the model there, 0 to 1.
        box: First and last column and row, (left, top, right, bottom), the
            last ones exclusive.
        injected: Share of its pixels whose label was made wrong, 0 to 1;
            None where this is not known.
    """

    sample_id: str
    given: int
    told: int
    pixels: int
    confidence: float
    box: tuple[int, int, int, int]
    injected: float | None

    @property
    def score(self) -> float:
        """How much speaks against the label: the summed confidence."""
        return self.pixels * self.confidence


@dataclass(frozen=True)
class ImageSuspicion:
    """How suspicious the labels of an image are.

    Attributes:
        sample_id: Name of the image.
        score: Summed scores of its regions for each labelled pixel, 0 to 1.
        disagreed: Share of the labelled pixels with another class told.
        regions: Its regions, the most suspicious first.
    """

    sample_id: str
    score: float
    disagreed: float
    regions: tuple[SuspiciousRegion, ...]


def audit_image(
    maps: DumpedMaps, least: int = 4, ignore_index: int = 255
) -> ImageSuspicion:
    """Look for labels that look wrong. The ranking is our choice.

    Args:
        maps: Of an image, with its label.
        least: Regions with fewer pixels are left out.
        ignore_index: Pixels with this label are not looked at.

    Raises:
        InputError: There is no label.
    """
    if maps.label is None:
        raise InputError(
            f'the prediction of {maps.sample_id} was kept without its label; '
            'load the labels in the pipeline and write the file again'
        )
    valid = maps.label != ignore_index
    wrong = valid & (maps.label != maps.predicted)
    regions = [
        region
        for given, told in _pairs(maps, wrong)
        for region in _find_regions(maps, wrong, given, told)
        if region.pixels >= least
    ]
    regions.sort(key=lambda region: -region.score)
    labelled = max(int(valid.sum()), 1)
    return ImageSuspicion(
        maps.sample_id,
        sum(region.score for region in regions) / labelled,
        float(wrong.sum() / labelled),
        tuple(regions),
    )


def injected_among_top(
    regions: Iterable[SuspiciousRegion], share: float = 0.05
) -> dict[str, float]:
    """How many of the most suspicious regions are wrong labels indeed.

    A region counts as wrong where at least half of its pixels are.

    Args:
        regions: Of all images, in any order, with what was injected known.
        share: Which share of them is the top; at least one region is.

    Returns:
        ``regions`` and ``top``, how many there are; ``top_injected`` and
        ``all_injected``, the share of wrong ones among the top and among
        all; ``pixels_found``, the share of the wrong pixels of all regions
        that are in the top.
    """
    ranked = sorted(regions, key=lambda region: -region.score)
    if not ranked:
        return dict(regions=0, top=0)
    top = ranked[: math.ceil(share * len(ranked))]
    pixels = [
        sum(region.injected * region.pixels for region in part)
        for part in (top, ranked)
    ]
    return dict(
        regions=len(ranked),
        top=len(top),
        top_injected=_share_injected(top),
        all_injected=_share_injected(ranked),
        pixels_found=pixels[0] / max(pixels[1], 1),
    )


def _share_injected(regions: Sequence[SuspiciousRegion]) -> float:
    return float(np.mean([region.injected >= 0.5 for region in regions]))


def _pairs(maps: DumpedMaps, wrong: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of a label and another class told that occur."""
    pairs = np.stack([maps.label[wrong], maps.predicted[wrong]], -1)
    return [tuple(pair) for pair in np.unique(pairs, axis=0).tolist()]


def _find_regions(
    maps: DumpedMaps, wrong: np.ndarray, given: int, told: int
) -> Iterable[SuspiciousRegion]:
    here = wrong & (maps.label == given) & (maps.predicted == told)
    count, parts, stats, _ = cv2.connectedComponentsWithStats(
        here.astype(np.uint8), connectivity=8
    )
    confidence = _means(maps.confidence, parts, count)
    injected = None
    if maps.truth is not None:
        injected = _means(maps.truth != maps.label, parts, count)
    for n in range(1, count):
        left, top, width, height, pixels = stats[n].tolist()
        yield SuspiciousRegion(
            maps.sample_id,
            given,
            told,
            pixels,
            float(confidence[n]),
            (left, top, left + width, top + height),
            None if injected is None else float(injected[n]),
        )


def _means(values: np.ndarray, parts: np.ndarray, count: int) -> np.ndarray:
    """Mean of the values (H, W) in each part, (count,)."""
    sums = np.bincount(parts.ravel(), values.ravel().astype(float), count)
    return sums / np.bincount(parts.ravel(), minlength=count)
