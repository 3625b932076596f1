"""Pairs of pictures in the layouts of LEVIR-CC and LEVIR-MCI."""

import json
import re
import runpy
import sys
from collections import Counter
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mmrs.datasets import LEVIRMCIDataset
from mmrs.errors import InputError
from mmrs.structures import NO_CHANGE_SENTENCES, Vocabulary
from mmrs.synthetic import Cover, World
from mmrs.synthetic.layouts import write_dataset
from mmrs.synthetic.layouts.captions import (
    Event,
    Facts,
    describe,
    write_captions,
)
from mmrs.synthetic.layouts.pairs import (
    REGIONS,
    choose_split,
    default_gsd,
    find_pair,
    has_change,
)
from mmrs.synthetic.layouts.scenes import SPREAD
from mmrs.synthetic.noise import generator
from mmrs.synthetic.terrain import CELL, WARP

NUM, PAIRS, SIZE = 20, 44, 64


@pytest.fixture(scope='module')
def mci(tmp_path_factory) -> Path:
    """20 pairs of the LEVIR-MCI layout."""
    out = tmp_path_factory.mktemp('mci')
    write_dataset('levir-mci', out, seed=3, num=NUM, size=SIZE)
    return out


@pytest.fixture(scope='module')
def entries(mci) -> list[dict]:
    """What its caption file says of each pair."""
    return json.loads((mci / 'LevirCCcaptions.json').read_text())['images']


@pytest.fixture(scope='module')
def pairs() -> list:
    """44 pairs and their sentences."""
    world, gsd = World(7), default_gsd(SIZE)
    found = []
    for k in range(PAIRS):
        pair = find_pair(world, k, SIZE, gsd, 'train')
        facts = describe(pair.change)
        found.append((pair, write_captions(facts, generator(k))))
    return found


def read(mci: Path, entry: dict, folder: str) -> np.ndarray:
    path = mci / 'images' / entry['split'] / folder / entry['filename']
    return np.asarray(Image.open(path))


# -- layout ------------------------------------------------------------------


def test_files_and_fields_are_those_of_the_real_set(mci, entries):
    assert Counter(entry['split'] for entry in entries) == dict(
        train=16, val=2, test=2
    )
    numbers = Counter()
    for n, entry in enumerate(entries):
        split = entry['split']
        numbers[split] += 1
        assert entry['filename'] == f'{split}_{numbers[split]:06d}.png'
        assert entry['filepath'] == split and entry['imgid'] == n
        assert entry['sentids'] == list(range(5 * n, 5 * n + 5))
        for sentid, sentence in zip(entry['sentids'], entry['sentences']):
            assert sentence['imgid'] == n and sentence['sentid'] == sentid
            words = ' '.join(sentence['tokens'])
            assert sentence['raw'] == f' {words} .'
            assert re.fullmatch('[a-z ]+', words)
        for folder in 'A', 'B', 'label':
            assert read(mci, entry, folder).shape == (SIZE, SIZE, 3)
    listed = json.loads((mci / 'synthetic.json').read_text())['files']
    assert len(listed) == 3 * NUM + 1


def test_captions_and_masks_agree(mci, entries):
    for entry in entries:
        label = read(mci, entry, 'label')
        assert (label == label[..., :1]).all()
        assert set(np.unique(label)) <= {0, 128, 255}
        said = [' '.join(x['tokens']) for x in entry['sentences']]
        assert len(set(said)) == 5
        changed = bool(label.any())
        assert changed == entry['changeflag']
        unchanged = set(NO_CHANGE_SENTENCES)
        assert set(said) == unchanged or not set(said) & unchanged
        assert (set(said) == unchanged) == (not changed)
        words = {word for x in entry['sentences'] for word in x['tokens']}
        is_named = {
            128: bool(words & {'road', 'roads'}),
            255: bool(words & set('house houses villa villas building '
                                  'buildings'.split())),
        }  # fmt: skip
        for level, named in is_named.items():
            if (label == level).any():
                assert named


def test_one_of_two_neighbours_changes(entries):
    flags = [entry['changeflag'] for entry in entries]
    assert [a + b for a, b in zip(flags[::2], flags[1::2])] == [1] * 10
    assert flags == [has_change(World(3), k) for k in range(NUM)]
    assert 0 in flags[::2] and 1 in flags[::2]


def test_the_two_layouts_differ_by_the_labels_alone(mci, tmp_path):
    write_dataset('levir-cc', tmp_path, seed=3, num=6, size=SIZE)
    files = {
        path.relative_to(tmp_path).as_posix()
        for path in tmp_path.rglob('*.png')
    }
    assert len(files) == 12
    assert not any('label' in name for name in files)
    for name in files:
        assert (tmp_path / name).read_bytes() == (mci / name).read_bytes()


def test_the_reader_of_the_real_set_takes_them(mci):
    dataset = LEVIRMCIDataset(data_root=str(mci), split='val', pipeline=[])
    assert len(dataset) == 2
    assert dataset.metainfo['classes'] == ('unchanged', 'road', 'building')
    info = dataset.get_data_info(0)
    assert info['sample_id'] == 'val_000001'
    assert len(info['captions']) == 5


def test_splits_take_turns():
    splits = [choose_split(k, 0.2) for k in range(100)]
    assert Counter(splits) == dict(train=80, val=10, test=10)
    assert splits[4] == 'val' and splits[9] == 'test'
    assert set(choose_split(k, 0.0) for k in range(30)) == {'train'}


def test_splits_show_different_parts_of_the_world():
    ordered = sorted(REGIONS.values())
    for (_, end), (start, _) in zip(ordered, ordered[1:]):
        gap = (start - end) * SPREAD * CELL
        assert gap > 2 * WARP + 10 * CELL
    world = World(1)
    west, east = {}, {}
    for split, k in product(REGIONS, range(3)):
        pair = find_pair(world, k, SIZE, 1.0, split)
        low, _, high, _ = pair.change.after.layout.window.bounds
        west[split] = min(low, west.get(split, low))
        east[split] = max(high, east.get(split, high))
    assert east['train'] < west['val'] and east['val'] < west['test']


# -- truth -------------------------------------------------------------------

WORDS = {'a': (1, 1), 'two': (2, 2), 'three': (3, 3), 'some': (3, 5),
         'several': (4, 5), 'many': (6, 99)}  # fmt: skip
NOUNS = {'house': 'house', 'villa': 'house', 'building': 'building',
         'road': 'road'}  # fmt: skip
SUBJECT = re.compile(
    r'\b(a|two|three|some|several|many)(?: new| large)* '
    r'(house|villa|building|road)s?\b'
)
GONE = re.compile(r'\b(removed|demolished|disappears?|vanish|vanishes)\b')


def kind_of(thing) -> str:
    return 'house' if thing.is_house else thing.kind


def standing(pair, kind: str, appeared: bool) -> list:
    """Things of a kind that stand at one date only, near the window."""
    surveys = pair.change.before, pair.change.after
    here, there = (set(s.layout.objects) for s in surveys[:: 1 - 2 * appeared])
    return [
        x
        for x in here - there
        if x.kind in ('building', 'road') and kind_of(x) == kind
    ]


def drawn(pair, thing) -> np.ndarray:
    """Where a thing would be without anything over it."""
    window = pair.change.after.layout.window
    mask = np.zeros((SIZE, SIZE), np.uint8)
    outline = np.round(window.to_pixels(thing.outline)).astype(np.int32)
    return cv2.fillPoly(mask, [outline], 1) > 0


def clauses(sentence: str):
    """Number, kind, whether it came, and the clause, of what is told."""
    for clause in re.split(' and (?!a road (?:are|have|appear)|'
                           'a new road (?:are|have|appear)|'
                           'two roads|two new roads)', sentence):  # fmt: skip
        for number, noun in SUBJECT.findall(clause):
            yield number, NOUNS[noun], not GONE.search(clause), clause


def test_numbers_are_true(pairs):
    told = 0
    for pair, captions in pairs:
        for sentence in captions:
            for number, kind, appeared, _ in clauses(sentence):
                told += 1
                masks = [drawn(pair, x) for x in
                         standing(pair, kind, appeared)]  # fmt: skip
                # Those seen in part may count or not.
                most = sum(mask.sum() >= 10 for mask in masks)
                least = sum(
                    mask.sum() >= 80 and not mask[[0, -1]].any()
                    and not mask[:, [0, -1]].any()
                    for mask in masks
                )  # fmt: skip
                low, high = WORDS[number]
                if kind == 'road':  # two pieces may make one road
                    assert most >= low
                    continue
                assert low <= most, (sentence, most)
                assert high >= least, (sentence, least)
    assert told > 100


def test_nothing_that_is_well_in_sight_is_left_out(pairs):
    for pair, captions in pairs:
        facts = describe(pair.change)
        told = {
            (kind, appeared)
            for sentence in captions
            for _, kind, appeared, _ in clauses(sentence)
        }
        for event in facts.events[:2]:
            if len(facts.events) < 3:
                assert (event.kind, event.appeared) in told
        for kind, appeared in product(('house', 'building'), (True, False)):
            for thing in standing(pair, kind, appeared):
                seen = drawn(pair, thing)
                if seen.sum() > 100:
                    marked = pair.change.label[seen] == 255
                    assert marked.mean() > 0.3  # the rest is under trees
                    assert facts.events


def test_places_are_true(pairs):
    told = 0
    for pair, captions in pairs:
        for sentence in captions:
            for _, kind, appeared, clause in clauses(sentence):
                where = re.search(
                    r'the ((?:top|bottom|left|right)(?: left| right)?) '
                    r'(?:corner|of)|(middle|center)', clause,
                )  # fmt: skip
                if not where or kind == 'road':
                    continue
                told += 1
                seen = [drawn(pair, x) for x in
                        standing(pair, kind, appeared)]  # fmt: skip
                seen = np.any([x for x in seen if x.sum() >= 25], axis=0)
                rows, cols = np.nonzero(seen)
                x, y = cols.mean() / SIZE, rows.mean() / SIZE
                words = where[0].split()
                assert ('left' in words) <= (x < 0.42)
                assert ('right' in words) <= (x > 0.58)
                assert ('top' in words) <= (y < 0.42)
                assert ('bottom' in words) <= (y > 0.58)
                if where[2]:
                    assert 0.28 < x < 0.72 and 0.28 < y < 0.72
    assert told > 40


def test_unchanged_pairs_show_the_same_things(pairs):
    unchanged = 0
    for pair, captions in pairs:
        if captions != list(NO_CHANGE_SENTENCES):
            continue
        unchanged += 1
        assert not pair.change.label.any()
        for kind, appeared in product(
            ('house', 'building', 'road'), (True, False)
        ):
            gone = standing(pair, kind, appeared)
            assert not any(drawn(pair, x).any() for x in gone)
        # Two pictures, all the same: light, season and camera differ.
        assert np.abs(pair.before.astype(int) - pair.after).mean() > 2
    assert unchanged == PAIRS // 2


def test_changes_are_large_enough_to_see(pairs):
    for pair, _ in pairs:
        changed = np.mean(pair.change.label > 0)
        assert changed == 0 or changed > 0.007


def test_vocabulary_is_small_and_regular(pairs):
    sentences = [line for _, captions in pairs for line in captions]
    assert 40 <= len(Vocabulary.build(sentences, min_count=5)) <= 90
    assert max(len(line.split()) for line in sentences) <= 30
    # All that can ever be said.
    words = set()
    flags = (False, True)
    places = ('', 'across', 'middle', 'top', 'left', 'bottom right')
    for kind, count, came, place, beside, ground in product(
        ('house', 'building', 'road'), (1, 2, 3, 5, 7), flags, places, flags,
        (None, Cover.SOIL, Cover.GRASS, Cover.FOREST, Cover.FIELD),
    ):  # fmt: skip
        event = Event(kind, count, came, place, beside, beside, ground)
        facts = Facts((event, Event('road', 1, True)), trees_removed=beside)
        for line in write_captions(facts, generator(count)):
            words |= set(line.split())
    assert len(words | set(' '.join(NO_CHANGE_SENTENCES).split())) <= 90


# -- the tool ----------------------------------------------------------------


def run_tool(path: Path, monkeypatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, 'argv', [str(path), *arguments])
    runpy.run_path(str(path), run_name='__main__')


def test_tools_write_a_set_and_draw_it(tmp_path, repo_root, monkeypatch):
    data, sheet = tmp_path / 'set', tmp_path / 'sheet.png'
    tools = repo_root / 'tools' / 'misc'
    run_tool(
        tools / 'make_synthetic.py', monkeypatch, '--layout', 'levir-mci',
        '--out', str(data), '--num', '3', '--size', '64', '--gsd', '0.9',
    )  # fmt: skip
    assert len(list(data.rglob('*.png'))) == 9
    draw = tools / 'make_pair_sheet.py'
    run_tool(draw, monkeypatch, str(data), str(sheet), '--columns', '2')
    width, height = Image.open(sheet).size
    assert width > 2 * 3 * 200 and 400 < height < 800
    for name, message in (('train_000009', 'has no pair train_000009'),):
        with pytest.raises(SystemExit, match=message):
            run_tool(draw, monkeypatch, str(data), str(sheet), '--pairs', name)
    with pytest.raises(SystemExit, match='does not exist'):
        run_tool(draw, monkeypatch, str(tmp_path), str(sheet))


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(gsd=4.0), '--gsd 4.0: a house that is built cannot be told'),
        (dict(gsd=0.1), '--size 64 at 0.1 metres a pixel shows 6.4 metres'),
        (dict(size=1024), '--size 1024 at 0.5 metres a pixel shows 512'),
    ],
)
def test_views_that_cannot_show_changes(tmp_path, change, message):
    settings = dict(layout='levir-cc', out=tmp_path, seed=0, num=1, size=64)
    with pytest.raises(InputError, match=message):
        write_dataset(**(settings | change))
