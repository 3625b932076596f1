"""Clears class maps of specks, and lets classes grow."""

from collections.abc import Iterable

import cv2
import numpy as np

from mmrs.geo.row_file import RowFile

_AROUND = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if y or x]


class ClassFilter:
    """Removes small objects of a class map, then lets classes grow.

    What becomes of a pixel depends on no other than those within `halo`
    rows, so that a map is filtered in strips, with the same result as in one.

    An object is made of 8-connected pixels of one class. One that is too
    small takes the class that most pixels around it have; all small objects
    at once, so that one within another takes the class of that other.

    Args:
        min_blob: Pixels of the smallest object that stays. 0: all stay.
        dilate: By how many pixels classes grow, in all directions.
        grown: The classes that do. They do not grow over each other.
        nodata: Value of pixels without data, which stay as they are.
    """

    def __init__(
        self,
        min_blob: int = 0,
        dilate: float = 0,
        grown: Iterable[int] = (1,),
        nodata: int = 255,
    ) -> None:
        self.min_blob = min_blob
        self.dilate = dilate
        self.grown = list(grown)
        self.nodata = nodata

    @property
    def changes(self) -> bool:
        """Whether anything is asked for."""
        return self.min_blob > 1 or self.dilate > 0

    @property
    def halo(self) -> int:
        """Rows above and below that matter for a pixel.

        An object of fewer than `min_blob` pixels reaches over fewer rows.
        """
        return self.min_blob + 1 + int(np.ceil(self.dilate))

    def __call__(self, classes: np.ndarray) -> np.ndarray:
        """Filter a class map (H, W)."""
        if self.min_blob > 1:
            classes = self._without_blobs(classes)
        if self.dilate > 0:
            classes = self._grow(classes)
        return classes

    def _without_blobs(self, classes: np.ndarray) -> np.ndarray:
        numbers, count = self._small_objects(classes)
        if count == 0:
            return classes
        labels, compact = np.unique(classes, return_inverse=True)
        compact = compact.reshape(classes.shape)
        votes = np.zeros((count + 1, len(labels)), np.int64)
        for y, x in _AROUND:
            here, there = _shifted(classes.shape, y, x)
            own = numbers[here]
            around = (
                (own > 0)
                & (own != numbers[there])
                & (classes[there] != self.nodata)
            )
            np.add.at(votes, (own[around], compact[there][around]), 1)
        new = labels[votes.argmax(axis=1)]
        small = (numbers > 0) & votes.any(axis=1)[numbers]
        return np.where(small, new[numbers], classes)

    def _small_objects(self, classes: np.ndarray) -> tuple[np.ndarray, int]:
        """Numbers (H, W) of small objects from 1, and how many there are."""
        numbers, count = np.zeros(classes.shape, np.int32), 0
        for label in np.unique(classes):
            if label == self.nodata:
                continue
            total, parts, stats, _ = cv2.connectedComponentsWithStats(
                (classes == label).astype(np.uint8), connectivity=8
            )
            small = stats[:, cv2.CC_STAT_AREA] < self.min_blob
            small[0] = False
            renumbered = np.zeros(total, np.int32)
            renumbered[small] = np.arange(small.sum()) + count + 1
            numbers += renumbered[parts]
            count += int(small.sum())
        return numbers, count

    def _grow(self, classes: np.ndarray) -> np.ndarray:
        grown = classes.copy()
        free = ~np.isin(classes, [*self.grown, self.nodata])
        for label in self.grown:
            elsewhere = (classes != label).astype(np.uint8)
            if elsewhere.all():
                continue
            distance = cv2.distanceTransform(
                elsewhere, cv2.DIST_L2, cv2.DIST_MASK_PRECISE
            )
            grown[free & (distance <= self.dilate + 1e-3)] = label
        return grown


def refine_rows(
    source: RowFile, target: RowFile, change: ClassFilter, strip: int = 512
) -> None:
    """Filter a class map on disk, strip by strip.

    Args:
        source: The map.
        target: Receives the filtered one.
        change: What to do.
        strip: Rows at once.
    """
    height, halo = source.shape[0], change.halo
    for start in range(0, height, strip):
        end = min(start + strip, height)
        top = max(start - halo, 0)
        rows = source.read(top, min(end + halo, height))[0]
        target.write(start, change(rows)[None, start - top : end - top])


def _shifted(shape: tuple[int, int], y: int, x: int) -> tuple[tuple, tuple]:
    """Slices of an array and of its copy that is shifted by (y, x)."""
    here = tuple(
        slice(max(-step, 0), length - max(step, 0))
        for step, length in zip((y, x), shape)
    )
    there = tuple(
        slice(max(step, 0), length - max(-step, 0))
        for step, length in zip((y, x), shape)
    )
    return here, there
