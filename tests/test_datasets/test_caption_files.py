import json

import pytest

from mmrs.datasets.caption_files import (
    PairCaptions,
    parse_line,
    read_captions,
    write_caption_json,
    write_lists,
    write_token_files,
)
from mmrs.errors import InputError

PAIRS = [
    PairCaptions('train_1.png', 'train', [' a road , a house .', 'new'], True),
    PairCaptions('val_1.png', 'val', ['there is no difference'], False),
    PairCaptions('test_1.png', 'test', ['is it new ?']),
]


def write(path, *images):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dict(images=images)))
    return path


def image(filename='train_1.png', *raws, **more):
    return dict(
        filename=filename,
        sentences=[dict(raw=raw) for raw in raws or ['a road']],
        **more,
    )


def test_json_file_and_back(tmp_path):
    path = tmp_path / 'captions.json'
    write_caption_json(PAIRS, path)
    assert read_captions(path) == PAIRS
    entry = json.loads(path.read_text())['images'][0]
    assert entry['sentids'] == [0, 1]
    assert entry['sentences'][0]['tokens'] == ['a', 'road', ',', 'a', 'house']


def test_token_files_and_back(tmp_path):
    folder = tmp_path / 'tokens'
    write_token_files(PAIRS, folder)
    assert json.loads((folder / 'train_1.txt').read_text()) == [
        ['<START>', 'a', 'road', ',', 'a', 'house', '<END>'],
        ['<START>', 'new', '<END>'],
    ]
    pairs = {p.filename: p for p in read_captions(folder)}
    assert pairs['train_1.png'].captions == ['a road , a house', 'new']
    assert {n: p.split for n, p in pairs.items()} == {
        'train_1.png': 'train',
        'val_1.png': 'val',
        'test_1.png': 'test',
    }


def test_lists(tmp_path):
    write_lists(PAIRS, tmp_path / 'a', per_caption=False)
    write_lists(PAIRS, tmp_path / 'a', per_caption=False)  # does not append
    assert (tmp_path / 'a/train.txt').read_text() == 'train_1.png\n'
    write_lists(PAIRS, tmp_path / 'b', per_caption=True)
    lines = (tmp_path / 'b/train.txt').read_text().split()
    assert lines == ['train_1.png-0', 'train_1.png-1']
    assert (tmp_path / 'b/val.txt').read_text() == 'val_1.png\n'


@pytest.mark.parametrize(
    'line, name, index',
    [
        ('train_1.png', 'train_1.png', None),
        ('train_1.png-4', 'train_1.png', 4),
        ('a-3.png', 'a-3.png', None),
        ('a-3.png-0', 'a-3.png', 0),
    ],
)
def test_lines(line, name, index):
    assert parse_line(line) == (name, index)


@pytest.mark.parametrize(
    'fields, split',
    [
        (dict(split='val', filepath='train'), 'val'),
        (dict(filepath='test'), 'test'),  # as WHU-CDC has it
        (dict(filepath='levir_cd', filename='val_3.png'), 'val'),
        (dict(split='mine', filename='3.png'), 'mine'),
    ],
)
def test_where_the_split_is_told(fields, split, tmp_path):
    path = write(tmp_path / 'a.json', image() | fields)
    assert read_captions(path)[0].split == split


def test_folder_of_a_file_a_split(tmp_path):
    for name in ('Train_300', 'Validation_50', 'Test_150'):
        write(tmp_path / f'{name}.json', image(f'{name}.tif'))
    splits = {p.filename: p.split for p in read_captions(tmp_path)}
    assert splits == {
        'Train_300.tif': 'train',
        'Validation_50.tif': 'val',
        'Test_150.tif': 'test',
    }


def test_tokens_serve_where_there_is_no_raw_sentence(tmp_path):
    entry = image() | dict(sentences=[dict(tokens=['a', 'road'])])
    path = write(tmp_path / 'a.json', entry)
    assert read_captions(path)[0].captions == ['a road']


@pytest.mark.parametrize(
    'images, message',
    [
        ([dict(filename='a.png')], r'the image a\.png has no "sentences"'),
        ([dict(sentences=[])], 'has no "filename"'),
        ([image() | dict(sentences=[])], r'train_1\.png has no sentences'),
        ([image('a.png', 'a road', ' . ')], r'a\.png has an empty sentence'),
        ([image(), image()], r'train_1\.png of train is listed twice'),
    ],
)
def test_incomplete_entries(images, message, tmp_path):
    with pytest.raises(InputError, match=rf'a\.json: .*{message}'):
        read_captions(write(tmp_path / 'a.json', *images))


@pytest.mark.parametrize(
    'content, message',
    [
        ('', 'empty'),
        ('{"images":', 'not a JSON file'),
        ('[]', 'it has no list "images"'),
        ('{"annotations": []}', 'it has no list "images"'),
    ],
)
def test_other_files(content, message, tmp_path):
    path = tmp_path / 'a.json'
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        read_captions(path)


def test_other_folders(tmp_path):
    with pytest.raises(InputError, match='neither caption files'):
        read_captions(tmp_path)
    (tmp_path / 'a.txt').write_text('a road')
    with pytest.raises(InputError, match=r'a\.txt: not a token file'):
        read_captions(tmp_path)
