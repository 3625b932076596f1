"""What is where in a window, before anyone takes a picture of it."""

from collections.abc import Collection
from dataclasses import dataclass, replace

import cv2
import numpy as np

from mmrs.synthetic.objects import WorldObject
from mmrs.synthetic.trees import Canopy, grow_trees
from mmrs.synthetic.window import Window
from mmrs.synthetic.world import Layout, World

FINE = 2  # sub-pixels along each side of a pixel


@dataclass(frozen=True)
class Survey:
    """The ground, the objects and the trees of a window.

    Attributes:
        layout: objects, terrain and land cover.
        canopy: the crowns of the trees.
        surface: height above the ground of what is seen from above, metres,
            float32 (H, W).
        labels: index in ``layout.objects`` plus one of what is seen in each
            sub-pixel, 0 for bare ground and trees; int32 (2H, 2W).
    """

    layout: Layout
    canopy: Canopy
    surface: np.ndarray
    labels: np.ndarray

    def instances(
        self, kinds: Collection[str]
    ) -> list[tuple[WorldObject, np.ndarray]]:
        """The objects of some kinds with their visible masks, bool (H, W).

        A pixel belongs to a mask where the object covers at least half of
        it; objects with no such pixel are left out.
        """
        found = []
        for label in np.unique(self.labels[self.labels > 0]):
            thing = self.layout.objects[label - 1]
            if thing.kind in kinds:
                mask = self.covers(self.labels == label)
                if mask.any():
                    found.append((thing, mask))
        return found

    def covers(self, seen: np.ndarray) -> np.ndarray:
        """Pixels at least half of whose sub-pixels (2H, 2W) are true."""
        h, w = self.surface.shape
        share = cv2.resize(
            seen.astype(np.float32), (w, h), interpolation=cv2.INTER_AREA
        )
        return share >= 0.5

    def crop(self, window: Window, margin: int) -> 'Survey':
        """The survey without a margin of pixels, which leaves ``window``."""
        inner = (slice(margin, -margin),) * 2
        fine = (slice(margin * FINE, -margin * FINE),) * 2
        layout = replace(
            self.layout,
            window=window,
            elevation=self.layout.elevation[inner],
            slope=self.layout.slope[inner],
            water=self.layout.water[inner],
            cover=self.layout.cover[inner],
        )
        return Survey(
            layout,
            self.canopy.crop(inner),
            self.surface[inner],
            self.labels[fine],
        )


def survey(world: World, window: Window, date: float = 0.0) -> Survey:
    """Find out what a window shows at a date (years)."""
    layout = world.layout(window, date)
    surface = np.zeros((window.height, window.width), np.float32)
    labels = np.zeros((window.height * FINE, window.width * FINE), np.int32)
    fine = window.refine(FINE)
    for label, thing in enumerate(layout.objects, 1):  # lowest first
        cv2.fillPoly(labels, [_fixed(fine, thing)], label, shift=4)
        if thing.top > 0:
            cv2.fillPoly(surface, [_fixed(window, thing)], thing.top, shift=4)
    canopy = grow_trees(world, layout, surface)
    hidden = (canopy.alpha > 0.5).astype(np.uint8)
    labels[np.kron(hidden, np.ones((FINE, FINE), np.uint8)) > 0] = 0
    return Survey(layout, canopy, np.maximum(surface, canopy.height), labels)


def _fixed(window: Window, thing: WorldObject) -> np.ndarray:
    """An object's outline in pixels with four fractional bits."""
    return np.round(window.to_pixels(thing.outline) * 16).astype(np.int32)
