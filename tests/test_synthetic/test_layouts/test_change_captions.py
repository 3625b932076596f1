"""Facts about a change, and sentences about facts."""

import numpy as np
import pytest

from mmrs.structures import NO_CHANGE_SENTENCES
from mmrs.synthetic import Cover, Window
from mmrs.synthetic.layouts.captions import (
    Event,
    Facts,
    count_roads,
    place_road,
    place_things,
    write_captions,
)
from mmrs.synthetic.noise import generator
from mmrs.synthetic.objects import free, strip


def box(x0, y0, x1, y1) -> list:
    return [(x0, y0), (x1, y1)]


@pytest.mark.parametrize(
    ('boxes', 'place'),
    [
        ([box(0.1, 0.1, 0.3, 0.3)], 'top left'),
        ([box(0.4, 0.1, 0.6, 0.3)], 'top'),
        ([box(0.7, 0.1, 0.9, 0.2)], 'top right'),
        ([box(0.1, 0.4, 0.3, 0.6)], 'left'),
        ([box(0.3, 0.3, 0.7, 0.7)], 'middle'),
        ([box(0.6, 0.5, 0.9, 0.7)], 'right'),
        ([box(0.0, 0.8, 0.2, 1.0)], 'bottom left'),
        ([box(0.4, 0.8, 0.6, 1.0)], 'bottom'),
        ([box(0.8, 0.8, 1.0, 1.0)], 'bottom right'),
        # Two in one corner, two along one side, two far apart.
        ([box(0.0, 0.0, 0.2, 0.2), box(0.25, 0, 0.45, 0.2)], 'top left'),
        ([box(0.0, 0.7, 0.2, 0.9), box(0.8, 0.8, 1, 1)], 'bottom'),
        ([box(0.0, 0.0, 0.2, 0.2), box(0.8, 0.8, 1, 1)], ''),
        ([box(0.0, 0.4, 0.2, 0.6), box(0.8, 0.4, 1, 0.6)], ''),
        # Reaching far into the other half, it is not at the top alone.
        ([box(0.4, 0.0, 0.6, 0.1), box(0.4, 0.1, 0.6, 0.65)], ''),
    ],
)
def test_places_by_hand(boxes, place):
    assert place_things(np.array(boxes)) == place


@pytest.mark.parametrize(
    ('road', 'place'),
    [
        (box(0, 0.1, 1, 0.2), 'top'),
        (box(0, 0.45, 1, 0.55), 'across'),
        (box(0.8, 0, 0.9, 1), 'right'),
        (box(0, 0, 1, 1), 'across'),
        (box(0.1, 0.7, 0.3, 1), 'bottom left'),
    ],
)
def test_places_of_roads_by_hand(road, place):
    assert place_road(np.array(road)) == place


def road(*points):
    return free('road', strip(np.array(points, float), 8.0))


def test_roads_that_continue_each_other_are_one():
    window = Window(0, 0, 100, 100, 1.0)
    west = road((0, 50), (25, 50), (50, 50))
    east = road((50, 50), (75, 50), (100, 50))
    north = road((50, 0), (50, 25), (50, 50))
    apart = road((0, 90), (50, 90), (100, 90))
    assert count_roads([west], window) == 1
    assert count_roads([west, east], window) == 1
    assert count_roads([west, north], window) == 1
    assert count_roads([west, east, north], window) == 3
    assert count_roads([west, apart], window) == 2
    beyond = Window(60, 0, 40, 100, 1.0)  # they meet out of sight
    assert count_roads([west, east], beyond) == 2


def captions_of(*events, trees_removed=False, draws=20) -> list[list[str]]:
    facts = Facts(events, trees_removed)
    return [write_captions(facts, generator(n)) for n in range(draws)]


def words_of(captions) -> set[str]:
    return {w for five in captions for line in five for w in line.split()}


def test_unchanged_pairs_get_the_five_sentences():
    assert write_captions(Facts(()), generator(0)) == list(NO_CHANGE_SENTENCES)


@pytest.mark.parametrize(
    ('kind', 'count', 'starts'),
    [
        ('house', 1, ('a house ', 'a villa ')),
        ('house', 2, ('two houses ', 'two villas ')),
        ('house', 3, ('three houses ', 'three villas ')),
        ('house', 5, ('some ', 'several ')),
        ('house', 6, ('many houses ', 'many villas ')),
        ('building', 1, ('a building ', 'a large building ')),
        ('building', 2, ('two buildings ', 'two large buildings ')),
        ('road', 1, ('a road ', 'a new road ')),
        ('road', 2, ('two roads ', 'two new roads ')),
        ('road', 3, ('some roads ', 'some new roads ')),
    ],
)
@pytest.mark.parametrize('appeared', [True, False])
def test_five_different_sentences_with_count_and_verb(
    kind, count, starts, appeared
):
    came = 'built constructed appear appears'
    went = 'removed demolished disappear disappears vanish vanishes'
    verbs = (came if appeared else went).split()
    for five in captions_of(Event(kind, count, appeared)):
        assert len(set(five)) == 5
        for sentence in five:
            assert sentence.startswith(starts)
            assert sentence.split()[-1] in verbs
            assert sentence == sentence.lower()
            singular = {'is', 'has', 'appears', 'disappears', 'vanishes'}
            assert bool(singular & set(sentence.split())) == (count == 1)


def test_the_first_sentence_tells_the_place():
    event = Event('house', 2, True, 'bottom right', True, ground=Cover.GRASS)
    for first, *rest in captions_of(event):
        assert first.endswith(' the bottom right corner')
        assert len(rest) == 4
    everything = words_of(captions_of(event))
    assert {'along', 'beside', 'grass', 'grassland'} <= everything
    assert not {'both', 'trees', 'forest', 'left', 'top'} & everything


def test_only_facts_are_told():
    house = Event('house', 1, True, ground=Cover.FOREST)
    assert 'trees' not in words_of(captions_of(house))
    assert 'trees' in words_of(captions_of(house, trees_removed=True))
    assert 'sides' not in words_of(captions_of(house))
    row = Event('house', 7, True, 'middle', True, True)
    assert 'sides' in words_of(captions_of(row))


def test_houses_and_their_road_come_in_one_sentence():
    events = (
        Event('house', 7, True, '', True, True),
        Event('road', 1, True, 'across'),
    )
    everything = captions_of(*events)
    lines = {line for five in everything for line in five}
    assert all('house' in line or 'villa' in line for line in lines)
    assert any(x.startswith('a road with many houses on') for x in lines)
    assert all(' and ' in five[0] and 'road' in five[0] for five in everything)


def test_of_three_events_two_are_told():
    events = (
        Event('house', 1, True, 'top'),
        Event('building', 1, True, 'left'),
        Event('house', 2, False, 'bottom'),
    )
    for five in captions_of(*events):
        for sentence in five:
            assert sentence.count(' and ') == 1
            assert sentence.startswith(('a house', 'a villa'))
