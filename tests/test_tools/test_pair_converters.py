import json

import cv2
import numpy as np
import pytest
from PIL import Image

from mmrs.datasets import ChangePairDataset, LEVIRCCDataset, LEVIRMCIDataset
from mmrs.datasets.caption_files import read_captions
from mmrs.errors import InputError
from mmrs.structures import Vocabulary

TO_MCI = 'tools/dataset_converters/pairs_to_levir_mci.py'
VOCABULARY = 'tools/dataset_converters/build_vocabulary.py'


@pytest.fixture
def source(tmp_path):
    """Eight pairs, six of them with masks, seven with captions."""
    rng = np.random.default_rng(0)
    root = tmp_path / 'source'
    for folder in ('A', 'B', 'label'):
        (root / folder).mkdir(parents=True)
    images = []
    for i in range(8):
        for folder, suffix in (('A', '.png'), ('B', '.bmp')):
            pixels = rng.integers(0, 256, (8, 12, 3), dtype=np.uint8)
            cv2.imwrite(str(root / folder / f'p{i}{suffix}'), pixels)
        if i < 6:
            label = np.zeros((8, 12), np.uint8)
            label[2:4] = 255
            Image.fromarray(label).save(root / f'label/p{i}.png')
        if i > 0:
            images.append(
                dict(
                    filename=f'p{i}.png',
                    split='train' if i < 5 else 'test',
                    changeflag=1,
                    sentences=[dict(raw=f' a house n{i} is built .')] * 2,
                )
            )
    path = tmp_path / 'captions.json'
    path.write_text(json.dumps(dict(images=images)))
    return root


@pytest.fixture
def convert(main_of, source, tmp_path):
    """Convert the eight pairs; return the data set's folder."""

    def run(*words, captions=True):
        out = tmp_path / 'out'
        more = ['--captions', tmp_path / 'captions.json'] if captions else []
        main_of(TO_MCI, source, out, *more, *words)
        return out

    return run


def names(root, split):
    dataset = LEVIRMCIDataset(
        data_root=str(root), split=split, min_count=1, test_mode=True
    )
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    return [info['sample_id'] for info in infos]


def test_parts_of_the_caption_file(convert, capsys):
    out = convert()
    assert names(out, 'train') == ['p1', 'p2', 'p3', 'p4']
    assert names(out, 'test') == ['p5']
    printed = capsys.readouterr().out
    assert 'want of a mask: 2 pairs' in printed
    assert 'want of captions: 1 pairs' in printed
    assert 'train: 4 pairs' in printed


def test_files_are_kept_or_translated(convert, source):
    out = convert()
    for date, suffix in (('A', '.png'), ('B', '.bmp')):
        path = out / f'images/train/{date}/p2{suffix}'
        original = source / f'{date}/p2{suffix}'
        assert path.read_bytes() == original.read_bytes()
        assert not path.is_symlink()
    label = np.array(Image.open(out / 'images/train/label/p2.png'))
    assert np.unique(label).tolist() == [0, 255]
    pairs = {
        p.filename: p for p in read_captions(out / 'LevirCCcaptions.json')
    }
    assert pairs['p2.png'].captions == [' a house n2 is built .'] * 2
    assert pairs['p2.png'].changed


def test_drawn_parts(convert, tmp_path):
    out = convert('--split', 'train=0.6', 'val=0.2', 'test=0.2')
    drawn = {split: names(out, split) for split in ('train', 'val', 'test')}
    assert [len(part) for part in drawn.values()] == [3, 1, 1]
    assert sorted(sum(drawn.values(), [])) == ['p1', 'p2', 'p3', 'p4', 'p5']
    out.rename(tmp_path / 'first')
    assert (
        names(convert('--split', 'train=0.6', 'val=0.2'), 'train')
        == (drawn['train'])
    )


def test_all_pairs_in_each_part_by_links(convert, source):
    out = convert('--all-in', 'train', 'val', '--link')
    assert names(out, 'train') == names(out, 'val')
    assert len(names(out, 'train')) == 5
    path = out / 'images/val/B/p3.bmp'
    assert path.is_symlink()
    assert path.resolve() == source / 'B/p3.bmp'


def test_label_map(convert, source, tmp_path):
    for path in source.glob('label/*.png'):
        label = np.array(Image.open(path)) // 255
        label[6:] = 2
        Image.fromarray(label).save(path)
    with pytest.raises(InputError, match='holds the value.s. 1, 2; say what'):
        convert()
    assert not (tmp_path / 'out').exists()
    out = convert('--label-map', '0=unchanged', '1=road', '2=building')
    label = np.array(Image.open(out / 'images/train/label/p2.png'))
    assert label[:, 0].tolist() == [0, 0, 128, 128, 0, 0, 255, 255]


def test_without_masks(convert, capsys):
    out = convert('--no-labels')
    assert not (out / 'images/train/label').exists()
    dataset = LEVIRCCDataset(data_root=str(out), split='test', min_count=1)
    assert len(dataset) == 3
    assert 'read it as LEVIRCCDataset' in capsys.readouterr().out


def test_without_captions(convert, capsys):
    out = convert('--all-in', 'train', captions=False)
    dataset = LEVIRMCIDataset(data_root=str(out), ann_file='')
    assert len(dataset) == 6
    assert "ann_file=''" in capsys.readouterr().out


@pytest.mark.parametrize(
    'words, message',
    [
        (['--label-map', '3=house'], 'write VALUE=NAME'),
        (['--label-map', 'house=3'], 'write VALUE=NAME'),
        (['--split', 'train'], 'write PART=SHARE'),
        (['--split', 'train=0.9', 'val=0.2'], 'add up to 1 at most'),
    ],
)
def test_unfit_arguments(words, message, convert):
    with pytest.raises(InputError, match=message):
        convert(*words)


def test_unfit_sources(convert, source, tmp_path, main_of):
    with pytest.raises(InputError, match='give --split, e.g. train=0.8'):
        convert(captions=False)
    with pytest.raises(InputError, match='B: lacks 1 of the 8 images'):
        (source / 'B/p4.bmp').rename(tmp_path / 'p4.bmp')
        convert()
    (tmp_path / 'p4.bmp').rename(source / 'B/p4.bmp')
    (tmp_path / 'captions.json').write_text(
        '{"images": [{"filename": "q.png", "sentences": [{"raw": "a"}]}]}'
    )
    with pytest.raises(InputError, match=r'none of the pairs.*named p0\.png'):
        convert()
    with pytest.raises(InputError, match='A: no such folder; SRC needs A'):
        main_of(TO_MCI, tmp_path, tmp_path / 'new', '--all-in', 'train')
    with pytest.raises(InputError, match='source exists; give another OUT'):
        main_of(TO_MCI, source, source, '--all-in', 'train')


def test_vocabulary_is_that_of_the_data_set(main_of, tmp_path, source, capsys):
    out = tmp_path / 'vocab.json'
    captions = tmp_path / 'captions.json'
    main_of(VOCABULARY, captions, '--out', out, '--min-count', 2)
    words = Vocabulary.load(out).words
    assert words[4:] == (
        *('a', 'built', 'house', 'is'),
        *(f'n{i}' for i in range(1, 8)),
    )
    assert f'{out}: 15 words' in capsys.readouterr().out
    main_of(VOCABULARY, captions, '--out', out, '--source', 'train')
    assert Vocabulary.load(out).words[4:] == ('a', 'built', 'house', 'is')


def test_other_files_of_the_authors_tools(main_of, tmp_path, source):
    main_of(
        VOCABULARY,
        tmp_path / 'captions.json',
        *('--out', tmp_path / 'vocab.json', '--list-captions'),
        *('--token-dir', tmp_path / 'tokens', '--list-dir', tmp_path),
    )
    lines = (tmp_path / 'train.txt').read_text().split()
    assert lines[:3] == ['p1.png-0', 'p1.png-1', 'p2.png-0']
    tokens = json.loads((tmp_path / 'tokens/p1.txt').read_text())
    assert tokens[0] == '<START> a house n1 is built <END>'.split()


def test_unfit_captions(main_of, tmp_path):
    out = tmp_path / 'vocab.json'
    with pytest.raises(InputError, match='no such file or folder'):
        main_of(VOCABULARY, tmp_path / 'gone.json', '--out', out)
    path = tmp_path / 'captions.json'
    path.write_text(
        '{"images": [{"filename": "q.png", "split": "val", '
        '"sentences": [{"raw": "a"}]}]}'
    )
    with pytest.raises(InputError, match='has no pairs for training'):
        main_of(VOCABULARY, path, '--out', out, '--source', 'train')


REAL = dict(
    levir_cd=(11, True, True),
    levir_cc=(3, False, True),
    levir_fig=(6, True, True),
    dsifn=(10, True, False),
)


@pytest.mark.parametrize('name', REAL)
def test_real_pairs(name, main_of, tmp_path, shared_data):
    from mmengine.registry import init_default_scope

    count, has_masks, has_captions = REAL[name]
    root = shared_data / 'change_pairs'
    words = ['--all-in', 'train', 'val', '--link']
    if has_captions:
        own = root / name / 'captions.json'
        path = own if own.exists() else root / 'captions_own.json'
        words += ['--captions', path]
    if name == 'levir_fig':
        words += ['--label-map', '0=unchanged', '1=road', '2=building']
    out = tmp_path / 'out'
    main_of(TO_MCI, root / name, out, *words)
    init_default_scope('mmrs')
    steps = [dict(type='LoadImagePair')]
    steps += [dict(type='LoadChangeMask')] * has_masks
    steps += [dict(type='EncodeCaption')] * has_captions
    kind = LEVIRMCIDataset if has_masks else LEVIRCCDataset
    options = dict(min_count=1) if has_captions else dict(ann_file='')
    for split in ('train', 'val'):
        dataset: ChangePairDataset = kind(
            data_root=str(out),
            split=split,
            pipeline=[*steps, dict(type='PackChangeInputs')],
            test_mode=True,
            **options,
        )
        assert len(dataset) == count
        seen = set()
        for item in dataset:
            assert item['inputs']['img_b'].shape == (3, 256, 256)
            if has_masks:
                seen |= set(item['data_samples'].gt_mask.unique().tolist())
        assert (
            seen
            == {
                'levir_fig': {0, 1, 2},
                'levir_cd': {0, 2},
                'levir_cc': set(),
                'dsifn': {0, 2},
            }[name]
        )
