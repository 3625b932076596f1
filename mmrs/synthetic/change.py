"""What of the buildings and roads differs between two dates."""

from dataclasses import dataclass

import numpy as np

from mmrs.synthetic.objects import WorldObject
from mmrs.synthetic.survey import Survey

# Grey levels of the kinds in a label image; later ones hide earlier ones.
LEVELS = {'road': 128, 'building': 255}


@dataclass(frozen=True)
class Alteration:
    """A building or road that stands at one of two dates only.

    Attributes:
        thing: the building or road.
        mask: where it is seen and was not or is no longer, bool (H, W).
        appeared: whether it stands at the second date.
    """

    thing: WorldObject
    mask: np.ndarray
    appeared: bool


@dataclass(frozen=True)
class Change:
    """What differs between two surveys of one window.

    Attributes:
        before: the window at the first date.
        after: the window at the second date.
        alterations: buildings and roads that came or went, those of the
            first date first.
    """

    before: Survey
    after: Survey
    alterations: list[Alteration]

    @property
    def label(self) -> np.ndarray:
        """Label image: 0 unchanged, 128 road, 255 building; uint8 (H, W)."""
        label = np.zeros(self.before.surface.shape, np.uint8)
        for kind, level in LEVELS.items():
            for alteration in self.alterations:
                if alteration.thing.kind == kind:
                    label[alteration.mask] = level
        return label


def compare(before: Survey, after: Survey) -> Change:
    """Find the buildings and roads in sight that came or went.

    Args:
        before: a window at the first date.
        after: the same window at the second date.
    """
    alterations = [
        Alteration(thing, mask, appeared)
        for appeared, here, there in (
            (False, before, after),
            (True, after, before),
        )
        for thing, mask in _only_here(here, there)
    ]
    return Change(before, after, alterations)


def _only_here(here: Survey, there: Survey):
    """Buildings and roads in sight of the first survey, not the second."""
    others = set(there.layout.objects)
    for label, thing in enumerate(here.layout.objects, 1):
        if thing.kind in LEVELS and thing not in others:
            mask = here.covers(here.labels == label)
            if thing.kind == 'road':  # crossings were road before
                mask &= ~_roads(there)
            if mask.any():
                yield thing, mask


def _roads(found: Survey) -> np.ndarray:
    """Where a survey shows a road, bool (H, W)."""
    roads = [
        label
        for label, thing in enumerate(found.layout.objects, 1)
        if thing.kind == 'road'
    ]
    return found.covers(np.isin(found.labels, roads))
