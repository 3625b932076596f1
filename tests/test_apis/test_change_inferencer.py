import csv
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from change_toys import (
    CHANGED,
    SAME,
    SURE,
    WORD_PROBABILITY,
    WORDS,
    leave_out,
    read_json,
    toy_config,
    toy_inferencer,
    toy_mask,
    toy_pair,
    write_png,
)
from PIL import Image

from mmrs.apis import ChangeInferencer
from mmrs.errors import InputError


@pytest.fixture(scope='module')
def room(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp('room')


@pytest.fixture(scope='module')
def inferencer(room) -> ChangeInferencer:
    return toy_inferencer(room)


@pytest.fixture
def folders(tmp_path) -> tuple[Path, Path]:
    """Three pairs: changed, in a subfolder and unchanged, of another size."""
    masks = {
        'a.png': toy_mask(),
        'more/b.png': np.zeros((20, 24), np.uint8),
        'c.png': toy_mask()[:12],
    }
    for name, mask in masks.items():
        for date, pixels in zip('AB', toy_pair(mask)):
            write_png(tmp_path / date / name, pixels)
    return tmp_path / 'A', tmp_path / 'B'


def test_a_pair_of_arrays(inferencer):
    found = inferencer(toy_pair(toy_mask()))['predictions']
    (found,) = found
    np.testing.assert_array_equal(found.pop('mask'), toy_mask())
    assert found == dict(
        image_id=0,
        paths=[None, None],
        height=20,
        width=24,
        caption=CHANGED,
        score=pytest.approx(7 * math.log(WORD_PROBABILITY)),
        caption_confidence=pytest.approx(WORD_PROBABILITY),
        says_change=True,
        pixel_m2=None,
        notes=[],
        classes=dict(
            unchanged=dict(
                pixels=480 - 35,
                fraction=445 / 480,
                confidence=pytest.approx(SURE),
            ),
            road=dict(
                pixels=15,
                fraction=15 / 480,
                confidence=pytest.approx(SURE),
                count=1,
                objects=[dict(box=(0, 10, 10, 11), pixels=10)],
            ),
            building=dict(
                pixels=20,
                fraction=20 / 480,
                confidence=pytest.approx(SURE),
                count=2,
                objects=[
                    dict(box=(5, 2, 9, 5), pixels=12),
                    dict(box=(12, 12, 16, 16), pixels=8),
                ],
            ),
        ),
    )


def test_nothing_changed(inferencer):
    pair = toy_pair(np.zeros((8, 8), np.uint8))
    (found,) = inferencer(pair)['predictions']
    assert found['caption'] == SAME
    assert found['says_change'] is False
    assert found['classes']['building'] == dict(
        pixels=0, fraction=0.0, confidence=None, count=0, objects=[]
    )


def test_smaller_objects_on_request(inferencer):
    pair = toy_pair(toy_mask())
    (found,) = inferencer(pair, min_area=5)['predictions']
    assert found['classes']['road']['count'] == 2
    (found,) = inferencer(pair, min_area=9)['predictions']
    assert found['classes']['building']['count'] == 1
    assert found['classes']['building']['pixels'] == 20


def test_folders_to_files(inferencer, folders, tmp_path):
    out = tmp_path / 'out'
    results = inferencer(folders, batch_size=2, out_dir=out)
    found = results['predictions']
    assert results['skipped'] == []
    names = ['a', 'c', 'more/b']
    for name, prediction in zip(names, found):
        assert prediction['paths'] == [
            str(folder / f'{name}.png') for folder in folders
        ]
        assert prediction['files'] == dict(
            mask=f'masks/{name}.png',
            polygons=f'polygons/{name}.geojson',
            overlay=f'overlays/{name}.png',
        )
        stored = np.array(Image.open(out / f'masks/{name}.png'))
        np.testing.assert_array_equal(stored, prediction['mask'])
        assert (out / f'polygons/{name}.geojson').is_file()
        assert Image.open(out / f'overlays/{name}.png').height > 384
    assert [p['mask'].shape for p in found] == [(20, 24), (12, 24), (20, 24)]
    assert [p['says_change'] for p in found] == [True, True, False]

    told = read_json(out / 'predictions.json')
    assert [t['caption'] for t in told] == [CHANGED, CHANGED, SAME]
    assert told[0]['classes']['building']['objects'][0] == dict(
        box=[5, 2, 9, 5], pixels=12
    )
    with (out / 'predictions.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert [r['later'] for r in rows] == [p['paths'][1] for p in found]
    assert rows[0]['caption'] == CHANGED
    assert rows[0]['building_pixels'] == '20'
    assert rows[0]['building_count'] == '2'
    assert rows[0]['road_fraction'] == f'{15 / 480:.6f}'
    assert rows[2]['road_confidence'] == ''
    assert len(list(out.rglob('*.*'))) == 11


def comparable(predictions: list[dict]) -> list[dict]:
    return [
        found | dict(mask=found['mask'].tolist(), image_id=None, paths=None)
        for found in predictions
    ]


def test_batches_give_the_same(inferencer, folders):
    single = inferencer(folders)['predictions']
    for size in (2, 3):
        batched = inferencer(folders, batch_size=size)['predictions']
        assert comparable(batched) == comparable(single)
        assert [p['paths'] for p in batched] == [p['paths'] for p in single]


def test_every_kind_of_input_gives_the_same(inferencer, folders):
    files = tuple(folder / 'a.png' for folder in folders)
    arrays = tuple(np.array(Image.open(file)) for file in files)
    one = comparable(inferencer(files)['predictions'])
    assert len(one) == 1
    assert comparable(inferencer([*map(str, files)])['predictions']) == one
    assert comparable(inferencer(arrays)['predictions']) == one
    many = inferencer([files, arrays, [*files]], batch_size=2)['predictions']
    assert comparable(many) == one * 3


def test_resized_inputs_have_masks_of_the_files_size(room):
    cfg = toy_config(room)
    resize = dict(type='Resize', scale=(48, 40))
    cfg.test_dataloader.dataset.pipeline[1] = dict(
        type='BiTemporal', transforms=[resize]
    )
    inferencer = ChangeInferencer(cfg, device='cpu')
    (found,) = inferencer(toy_pair(toy_mask()))['predictions']
    assert found['mask'].shape == (20, 24)
    agree = (found['mask'] == toy_mask()).mean()
    assert agree > 0.95


def test_captions_alone(room, folders, tmp_path):
    cfg = leave_out(toy_config(room), 'mask')
    cfg.test_dataloader.dataset.type = 'LEVIRCCDataset'  # of no classes
    inferencer = ChangeInferencer(cfg, device='cpu')
    out = tmp_path / 'out'
    found = inferencer(folders, out_dir=out)['predictions']
    assert [p['caption'] for p in found] == [CHANGED, CHANGED, SAME]
    assert not {'mask', 'classes', 'pixel_m2'} & found[0].keys()
    assert {path.name for path in out.iterdir()} == {
        *('overlays', 'predictions.csv', 'predictions.json')
    }


def test_masks_alone(room, folders, tmp_path):
    inferencer = toy_inferencer(room, without='caption')
    out = tmp_path / 'out'
    found = inferencer(folders, out_dir=out, draw=False)['predictions']
    assert found[0]['classes']['building']['count'] == 2
    assert not {'caption', 'score', 'says_change'} & found[0].keys()
    assert {path.name for path in out.iterdir()} == {
        *('masks', 'polygons', 'predictions.csv', 'predictions.json')
    }


def test_a_missing_partner_is_skipped_and_reported(inferencer, folders):
    (folders[1] / 'a.png').unlink()
    write_png(folders[1] / 'd.png', np.zeros((8, 8, 3), np.uint8))
    results = inferencer(folders, batch_size=2)
    done = [Path(p['paths'][0]).name for p in results['predictions']]
    assert done == ['c.png', 'b.png']
    (first, why_first), (second, why_second) = results['skipped']
    assert first.endswith('a.png')
    assert f'{folders[1] / "a.png"}: no such image file' in why_first
    assert f'{folders[0] / "d.png"}: no such image file' in why_second


def test_bad_pairs_are_skipped_and_reported(inferencer, folders, tmp_path):
    earlier, later = folders
    gray = np.zeros((8, 8), np.uint8)
    write_png(earlier / 'gray.png', gray)
    write_png(later / 'gray.png', gray)
    write_png(later / 'a.png', np.zeros((20, 20, 3), np.uint8))
    (later / 'c.png').write_text('no image')
    out = tmp_path / 'out'
    results = inferencer(folders, batch_size=4, out_dir=out)
    assert len(results['predictions']) == 1
    reasons = {
        Path(name.split(' and ')[0]).name: reason
        for name, reason in results['skipped']
    }
    assert 'is 20 x 20 px, but the earlier' in reasons['a.png']
    assert 'not a readable image' in reasons['c.png']
    assert '1 band(s), but the model takes 3' in reasons['gray.png']
    assert len((out / 'predictions.csv').read_text().splitlines()) == 2


def test_what_was_done_is_kept_when_the_model_fails(
    inferencer, folders, tmp_path, monkeypatch
):
    calls = []
    test_step = inferencer.model.test_step

    def fail_at_last(data):
        calls.append(data)
        if len(calls) == 3:
            raise RuntimeError('out of memory')
        return test_step(data)

    monkeypatch.setattr(inferencer.model, 'test_step', fail_at_last)
    out = tmp_path / 'out'
    with pytest.raises(RuntimeError, match='out of memory'):
        inferencer(folders, out_dir=out)
    assert len(read_json(out / 'predictions.json')) == 2


def test_one_date_against_two_others(inferencer, folders, tmp_path):
    first = folders[0] / 'a.png'
    out = tmp_path / 'out'
    inferencer([(first, folders[1] / 'a.png'), (first, first)], out_dir=out)
    names = {path.name for path in (out / 'masks').iterdir()}
    assert names == {'a.png', 'a_2.png'}


def test_gsd_gives_areas(inferencer):
    (found,) = inferencer(toy_pair(toy_mask()), gsd=0.5)['predictions']
    building = found['classes']['building']
    assert found['pixel_m2'] == 0.25
    assert building['m2'] == 20 * 0.25
    assert building['hectares'] == pytest.approx(0.0005)
    assert 'm2' not in found['classes']['unchanged']


ARRAY = np.zeros((4, 4, 3), np.uint8)


@pytest.mark.parametrize(
    'inputs, message',
    [
        ('a.png', 'a.png: changes are found between two dates; give a pair'),
        (ARRAY, 'array: changes are found between two dates'),
        (('nowhere.png', 'b.png'), 'nowhere.png: no such file or folder'),
        ([], 'the list of pairs is empty'),
        (['a.png', 'b.png', 'c.png'], 'pair 0 is a.png; give two files'),
        ([('a.png', ARRAY)], 'pair 0: one date is a path and the other'),
        ((ARRAY, ARRAY[:2]), r'\(4, 4, 3\) of uint8 and \(2, 4, 3\)'),
        ((ARRAY, ARRAY.astype(np.int64)), 'of int64; both arrays must be'),
        ((ARRAY[0], ARRAY[0]), r'both arrays must be \(H, W, bands\)'),
    ],
)
def test_inputs_that_are_no_pairs(inferencer, inputs, message):
    with pytest.raises(InputError, match=message):
        inferencer(inputs)


def test_folders_that_do_not_fit(inferencer, folders, tmp_path):
    with pytest.raises(InputError, match='one is a folder and the other is'):
        inferencer((folders[0], folders[1] / 'a.png'))
    write_png(tmp_path / 'C/other.png', ARRAY)
    with pytest.raises(InputError, match='no file name is in both'):
        inferencer((folders[0], tmp_path / 'C'))


@pytest.mark.parametrize(
    'settings, message',
    [
        (dict(gsd=0), 'gsd is 0; give'),
        (dict(gsd=math.nan), 'gsd is nan'),
        (dict(min_area=0), 'min_area is 0'),
        (dict(geojson_crs='utm'), "geojson_crs is 'utm'; take 'image'"),
    ],
)
def test_settings_that_cannot_be(inferencer, settings, message):
    with pytest.raises(InputError, match=message):
        inferencer((ARRAY, ARRAY), **settings)


def test_checkpoint_gives_words_and_classes(room, tmp_path):
    cfg = toy_config(room)
    del cfg.test_dataloader.dataset.vocabulary
    with pytest.raises(InputError, match='names the words; set vocabulary'):
        ChangeInferencer(cfg, device='cpu')
    path = tmp_path / 'epoch_1.pth'
    other = [*WORDS[:4], *(word.upper() for word in WORDS[4:])]
    meta = dict(dataset_meta=dict(vocabulary=tuple(other)))
    weights = {'mask_head.scale': torch.tensor(3.0)}
    torch.save(dict(state_dict=weights, meta=meta), path)
    loaded = ChangeInferencer(cfg, path, device='cpu')
    (found,) = loaded(toy_pair(toy_mask()))['predictions']
    assert found['caption'] == CHANGED.upper()
    assert found['says_change'] is True
    assert list(found['classes']) == ['unchanged', 'road', 'building']


def test_words_of_the_checkpoint_come_first(room, tmp_path):
    """The file that the config names need not exist then."""
    cfg = toy_config(room)
    cfg.test_dataloader.dataset.vocabulary = 'nowhere.json'
    with pytest.raises(InputError, match='nowhere.json: no such vocabulary'):
        ChangeInferencer(cfg, device='cpu')
    path = tmp_path / 'epoch_1.pth'
    meta = dict(dataset_meta=dict(vocabulary=WORDS))
    weights = {'mask_head.scale': torch.tensor(3.0)}
    torch.save(dict(state_dict=weights, meta=meta), path)
    assert ChangeInferencer(cfg, path, device='cpu')


def test_words_of_another_model(room):
    cfg = toy_config(room)
    (room / 'short.json').write_text(
        '{"<NULL>": 0, "<UNK>": 1, "<START>": 2, "<END>": 3, "a": 4}'
    )
    cfg.test_dataloader.dataset.vocabulary = 'short.json'
    with pytest.raises(InputError, match='knows 13 words, .* has 5; give'):
        ChangeInferencer(cfg, device='cpu')


def test_classes_that_are_not_those_of_the_model(room):
    cfg = leave_out(toy_config(room), 'caption')
    metainfo = dict(classes=('same', 'other'))
    cfg.test_dataloader.dataset.metainfo = metainfo
    inferencer = ChangeInferencer(cfg, device='cpu')
    with pytest.raises(InputError, match='3 scores a pixel, .* 2 classes'):
        inferencer((ARRAY, ARRAY))
    cfg.test_dataloader.dataset.metainfo = dict(classes=())
    with pytest.raises(InputError, match='draws masks, but neither'):
        ChangeInferencer(cfg, device='cpu')


def test_shows_progress(inferencer, folders, capsys):
    inferencer(folders)
    said = capsys.readouterr().out
    assert 'Comparing' in said
    assert '3/3' in said
