"""Sentences about a change, all true of the pictures they go with.

``describe`` finds the facts in what was built and torn down, and
``write_captions`` words them, in words that people use for LEVIR-CC.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from mmrs.synthetic.change import Alteration, Change
from mmrs.synthetic.layouts.pairs import UNCOUNTED, is_well_seen
from mmrs.synthetic.objects import Cover, WorldObject
from mmrs.synthetic.survey import Survey
from mmrs.synthetic.window import Window

PER_PAIR = 5  # captions
# Things no farther than this from a road are beside it, in metres.
BESIDE = 14.0
# Trees are removed where the share of the image under crowns falls so much;
# the ground is named where this share of it is of one kind.
CLEARED, UNIFORM = 0.1, 0.7
JOINT = 6.0  # ends of roads no farther apart continue each other, metres
MANY = 6  # houses; from pairs.UNCOUNTED to here they are some
# A road that reaches over this share of the image goes across it.
ACROSS = 0.85
# Share of the sentences that tell the surroundings instead of the place.
ASIDE = 0.15
# What is built at once is named in this order.
ORDER = ('house', 'building', 'road')

HOUSES = ('house', 'villa')
NUMBERS = {1: 'a', 2: 'two', 3: 'three'}
BUILT = (
    ('is built', 'are built'),
    ('appears', 'appear'),
    ('has been built', 'have been built'),
    ('is constructed', 'are constructed'),
)
# Five, as nothing else varies for a road that goes from no special place.
REMOVED = (
    ('is removed', 'are removed'),
    ('disappears', 'disappear'),
    ('has been removed', 'have been removed'),
    ('is demolished', 'are demolished'),
    ('vanishes', 'vanish'),
)
ON_GROUND = {
    Cover.SOIL: ('on the bare land', 'on the bareland'),
    Cover.GRASS: ('on the grass', 'on the grassland'),
    Cover.FOREST: ('in the forest', 'in the woods'),
    Cover.FIELD: ('in the field', 'on the farmland'),
}
ACROSS_GROUND = {
    Cover.SOIL: ('across the bare land', 'on the bareland'),
    Cover.GRASS: ('across the grass', 'on the grassland'),
    Cover.FOREST: ('through the forest', 'through the woods'),
    Cover.FIELD: ('across the field', 'on the farmland'),
}


@dataclass(frozen=True)
class Event:
    """Things of one kind that came, or that went.

    Attributes:
        kind: 'house', 'building' (a larger one) or 'road'.
        count: how many are seen well.
        appeared: whether they came.
        place: 'top left', 'top', ..., 'middle', 'across'; '' for no place.
        beside_road: whether each of them is beside a road in sight.
        both_sides: whether they are on both sides of it.
        ground: land cover before, where it is mostly one; None otherwise.
    """

    kind: str
    count: int
    appeared: bool
    place: str = ''
    beside_road: bool = False
    both_sides: bool = False
    ground: Cover | None = None


@dataclass(frozen=True)
class Facts:
    """What there is to say about a pair.

    Attributes:
        events: what came and what went; empty for an unchanged pair.
        trees_removed: whether much of the image lost its trees.
    """

    events: tuple[Event, ...]
    trees_removed: bool = False


# -- facts -------------------------------------------------------------------


def describe(change: Change) -> Facts:
    """Find what there is to say about a change."""
    groups: dict[tuple, list[Alteration]] = {}
    for x in change.alterations:
        kind = 'house' if x.thing.is_house else x.thing.kind
        if is_well_seen(change, x):
            groups.setdefault((kind, x.appeared), []).append(x)
    keys = sorted(groups, key=lambda key: (-key[1], ORDER.index(key[0])))
    events = tuple(_event(change, *key, groups[key]) for key in keys)
    before, after = (
        np.mean(found.canopy.alpha > 0.5)
        for found in (change.before, change.after)
    )
    return Facts(events, bool(events) and before - after >= CLEARED)


def _event(
    change: Change, kind: str, appeared: bool, group: list[Alteration]
) -> Event:
    """What there is to say about things that came, or went, together."""
    masks = [x.mask for x in group]
    seen = np.any(masks, axis=0)
    count, place = len(group), ''
    beside = both_sides = False
    if kind == 'road':
        roads = [x.thing for x in group]
        count = count_roads(roads, change.after.layout.window)
        if count == 1:
            place = place_road(_box(seen))
    else:
        found = change.after if appeared else change.before
        beside, both_sides = sides_of_road(found, masks)
        place = place_things(np.array([_box(mask) for mask in masks]))
    cover = change.before.layout.cover[seen]
    share = np.bincount(cover, minlength=len(Cover)) / len(cover)
    ground = Cover(int(share.argmax()))
    is_known = appeared and share.max() >= UNIFORM and ground in ON_GROUND
    return Event(
        kind,
        count,
        appeared,
        place,
        beside,
        both_sides,
        ground if is_known else None,
    )


def _box(mask: np.ndarray) -> np.ndarray:
    """First and last column and row of a mask, (2, 2), as shares, 0 to 1."""
    points = np.argwhere(mask)[:, ::-1]
    low, high = points.min(0), points.max(0) + 1
    return np.array((low, high)) / mask.shape[::-1]


def count_roads(roads: list[WorldObject], window: Window) -> int:
    """Count roads in sight; two that continue each other are one.

    Args:
        roads: pieces of roads.
        window: what is in sight.
    """
    ends = []
    for road in roads:
        half = len(road.polygon) // 2
        for a, b in ((0, -1), (half - 1, half)):
            ends.append((road.polygon[a] + road.polygon[b]) / 2)
    ends = np.array(ends)
    apart = np.linalg.norm(ends[:, None] - ends, axis=-1)
    pixels = window.to_pixels(ends)
    size = (window.width, window.height)
    inside = ((pixels > 0) & (pixels < size)).all(1)
    meeting = (apart < JOINT).sum(1)
    # Where three or four meet, they are not one road.
    return len(roads) - int((inside & (meeting == 2)).sum()) // 2


def place_things(boxes: np.ndarray) -> str:
    """Name the part of the image that things are in.

    Args:
        boxes: first and last column and row of each in shares of the image,
            (N, 2, 2).

    Returns:
        'top left', 'top', 'top right', 'left', 'middle', 'right',
        'bottom left', 'bottom', 'bottom right'; '' where they are spread.
    """
    across, down = (_third(boxes[..., axis]) for axis in range(2))
    if across == 0 and down == 0:
        return 'middle'
    middles = boxes.mean(1)
    # What is spread along one side must be close to it.
    if across is None and not _is_outer(middles[:, 1]):
        down = None
    if down is None and not _is_outer(middles[:, 0]):
        across = None
    vertical = {-1: 'top', 1: 'bottom'}.get(down, '')
    horizontal = {-1: 'left', 1: 'right'}.get(across, '')
    return f'{vertical} {horizontal}'.strip()


def _third(ranges: np.ndarray) -> int | None:
    """Which third some ranges (N, 2) are in: -1, 0, 1, or None.

    They are in an outer third where the mean of their middles is, and all
    middles are in that half and no range reaches far into the other.
    """
    middles = ranges.mean(1)
    for end, values, edge in (
        (-1, middles, ranges.max()),
        (1, 1 - middles, 1 - ranges.min()),
    ):
        if values.max() < 0.4 and values.mean() < 1 / 3 and edge < 0.6:
            return end
    is_middle = middles.min() >= 1 / 3 and middles.max() <= 2 / 3
    return 0 if is_middle else None


def _is_outer(values: np.ndarray) -> bool:
    """Whether all values are in one outer third of 0 to 1."""
    return values.max() < 1 / 3 or values.min() > 2 / 3


def place_road(box: np.ndarray) -> str:
    """Name the part of the image that a road is in, or 'across'.

    Args:
        box: first and last column and row in shares of the image, (2, 2).
    """
    place = place_things(box[None])
    extent = box[1] - box[0]
    if extent.max() < ACROSS:
        return place
    # From one side to the other: along a third side, or through the image.
    beside = ('top', 'bottom') if extent.argmax() == 0 else ('left', 'right')
    is_beside = place in beside and extent.min() < 1 / 3
    return place if is_beside else 'across'


def sides_of_road(found: Survey, masks: list[np.ndarray]) -> tuple[bool, bool]:
    """Tell how things lie to the road.

    Args:
        found: the window at a date at which they stand.
        masks: where they are seen, bool (H, W) each.

    Returns:
        whether each is beside a road in sight, and whether there are some
        on both sides of it.
    """
    window = found.layout.window
    road = np.zeros((window.height, window.width), np.uint8)
    for thing in found.layout.objects:
        if thing.kind == 'road':
            outline = np.round(window.to_pixels(thing.outline))
            cv2.fillPoly(road, [outline.astype(np.int32)], 1)
    if road.mean() < 0.02:
        return False, False
    distance = cv2.distanceTransform(1 - road, cv2.DIST_L2, 5) * window.gsd
    if any(distance[mask].min() > BESIDE for mask in masks):
        return False, False
    _, parts = cv2.connectedComponents(1 - road, connectivity=4)
    here = {int(np.bincount(parts[mask]).argmax()) for mask in masks}
    return True, len(here - {0}) == 2


# -- wording -----------------------------------------------------------------


def write_captions(facts: Facts, rng: np.random.Generator) -> list[str]:
    """Word facts in five different sentences.

    The sentences on an unchanged pair are those of LEVIR-CC, and the first
    one on a change says where it is, as far as that can be said.

    Args:
        facts: what there is to say.
        rng: draws the words.
    """
    if not facts.events:
        # Not at the top, as it brings PyTorch with it.
        from mmrs.structures import NO_CHANGE_SENTENCES

        return list(NO_CHANGE_SENTENCES)
    captions: list[str] = []
    while len(captions) < PER_PAIR:
        sentence = _sentence(facts, rng, plain=not captions)
        if sentence not in captions:
            captions.append(sentence)
    return captions


def _sentence(facts: Facts, rng: np.random.Generator, plain: bool) -> str:
    """One sentence; a plain one tells the events and their place."""
    events = facts.events
    if len(events) > 2:  # the first and another; nobody lists them all
        events = (events[0], events[1 + rng.integers(len(events) - 1)])
    first, *rest = events
    if plain:
        return ' and '.join(_clause(x, rng, True) for x in events)
    if facts.trees_removed and first.appeared:
        draw = rng.integers(10)
        if draw < 2:
            start = ('trees are removed', 'some trees are cut down')[draw]
            return f'{start} and {_clause(first, rng)}'
        if draw == 2:
            return f'{_replacing(first, rng)} the trees'
    if not rest:
        return _clause(first, rng)
    (second,) = rest
    is_one_work = first.appeared and second.kind == 'road' and second.appeared
    if is_one_work and first.kind != 'road' and rng.random() < 0.6:
        return _with_road(first, second, rng)
    return f'{_clause(first, rng)} and {_clause(second, rng)}'


def _with_road(first: Event, road: Event, rng: np.random.Generator) -> str:
    """Buildings and a road in one sentence."""
    subject, way = _subject(first, rng), _subject(road, rng)
    verb = _usual(rng, BUILT)[1]
    if first.beside_road and road.count == 1 and rng.random() < 0.5:
        sides = 'on both sides' if first.both_sides else 'beside it'
        return f'a road with {subject} {sides} {_pick(rng, BUILT)[0]}'
    return f'{subject} and {way} {verb}'


def _replacing(event: Event, rng: np.random.Generator) -> str:
    verb = 'replaces' if event.count == 1 else 'replace'
    return f'{_subject(event, rng)} {verb}'


def _clause(event: Event, rng: np.random.Generator, placed=False) -> str:
    """What came or went, and where."""
    verb = _usual(rng, BUILT if event.appeared else REMOVED)
    where = _places(event, rng)
    if not placed:
        where += _surroundings(event, rng)
    words = [_subject(event, rng), verb[event.count > 1]]
    if where:
        # People mostly say first where in the image a change is.
        aside = len(where) > 1 and rng.random() < ASIDE
        words.append(_pick(rng, where[1:]) if aside else where[0])
    return ' '.join(words)


def _subject(event: Event, rng: np.random.Generator) -> str:
    count = event.count
    if event.kind == 'house':
        noun = HOUSES[rng.random() < 0.15]
        some = 'some' if rng.random() < 0.75 else 'several'
        if count >= MANY:
            some = 'many'
    elif event.kind == 'building':
        noun, some = 'building', 'some'
        if rng.random() < 0.75:
            noun = 'large building'
    else:
        noun, some = 'road', 'some'
        if event.appeared and rng.random() < 0.25:
            noun = 'new road'
    if count == 1:
        return f'a {noun}'
    few = 2 if event.kind == 'road' else UNCOUNTED - 1
    number = NUMBERS[count] if count <= few else some
    return f'{number} {noun}s'


def _places(event: Event, rng: np.random.Generator) -> list[str]:
    """Phrases for the part of the image; none where it has no name."""
    place = event.place
    if not place:
        return []
    if place == 'across':
        return ['across the scene']
    if place == 'middle':
        return [f'in the {_usual(rng, ("middle", "center"))} of the scene']
    if ' ' in place:
        return [f'{_usual(rng, ("in", "at"))} the {place} corner']
    preposition = 'at' if place in ('top', 'bottom') else 'on'
    return [f'{preposition} the {place} of the scene']


def _surroundings(event: Event, rng: np.random.Generator) -> list[str]:
    """Phrases for the road and the ground."""
    phrases = []
    if event.beside_road:
        phrases.append(_pick(rng, ('along the road', 'beside the road')))
    if event.both_sides:
        phrases.append('on both sides of the road')
    if event.ground is not None:
        table = ACROSS_GROUND if event.kind == 'road' else ON_GROUND
        phrases.append(_pick(rng, table[event.ground]))
    return phrases


def _usual(rng: np.random.Generator, options):
    """One of some options, the first ones more often."""
    weights = 0.5 ** np.arange(len(options))
    return options[rng.choice(len(options), p=weights / weights.sum())]


def _pick(rng: np.random.Generator, options):
    """One of some options."""
    return options[rng.integers(len(options))]
