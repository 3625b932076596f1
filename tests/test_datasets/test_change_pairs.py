import json
import pickle

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from PIL import Image
from torch.utils.data import DataLoader

from mmrs.datasets import (
    ChangePairDataset,
    DubaiCCDataset,
    LEVIRCCDataset,
    LEVIRMCIDataset,
    WHUCDCDataset,
)
from mmrs.datasets.caption_files import (
    read_captions,
    write_lists,
    write_token_files,
)
from mmrs.errors import BadImageError, InputError
from mmrs.registry import DATASETS
from mmrs.structures import Vocabulary

TRAIN = [
    dict(type='LoadImagePair'),
    dict(type='EncodeCaption'),
    dict(type='PackChangeInputs'),
]


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmrs')


def build(root, kind=LEVIRCCDataset, **kwargs):
    return kind(data_root=str(root), **dict(min_count=1) | kwargs)


def test_samples(write_pairs):
    root = write_pairs()
    dataset = build(root, LEVIRMCIDataset, split='val')
    assert len(dataset) == 4
    info = dataset.get_data_info(2)
    folder = root / 'images/val'
    assert info['img_path'] == [
        str(folder / 'A/val_000002.png'),
        str(folder / 'B/val_000002.png'),
    ]
    assert info['seg_map_path'] == str(folder / 'label/val_000002.png')
    assert info['sample_id'] == 'val_000002'
    assert info['split'] == 'val'
    assert info['has_change']
    assert info['captions'][0] == ' a house n2 is built on the left .'
    assert not dataset.get_data_info(1)['has_change']
    assert dataset.metainfo['classes'] == ('unchanged', 'road', 'building')


def test_capital_letters_of_the_root_do_no_harm(write_pairs):
    """The authors' loader replaces every A of the path."""
    root = write_pairs()
    (root / 'DATA/A').mkdir(parents=True)
    for name in ('images', 'LevirCCcaptions.json'):
        (root / name).rename(root / 'DATA/A' / name)
    dataset = build(root / 'DATA/A', pipeline=TRAIN)
    assert dataset[0]['inputs']['img_b'].shape == (3, 48, 64)


def test_flag_of_the_file_comes_first(write_pairs):
    def edit(content):
        content['images'][0]['changeflag'] = 0

    dataset = build(write_pairs(edit=edit))
    assert not dataset.get_data_info(0)['has_change']
    assert dataset.get_data_info(2)['has_change']


def test_vocabulary_counts_all_splits(write_pairs):
    root = write_pairs()
    words = build(root, split='val').metainfo['vocabulary']
    assert words[:4] == ('<NULL>', '<UNK>', '<START>', '<END>')
    assert list(words[4:]) == sorted(words[4:])
    assert {',', 'n0', 'n2', 'identical'} <= set(words)
    # n0 and n2 occur once in each of the splits.
    assert 'n0' in build(root, min_count=3).vocabulary
    assert 'n0' not in build(root, min_count=4).vocabulary


def test_vocabulary_of_the_training_split(write_pairs):
    def edit(content):
        raws = content['images'][4]['sentences']
        raws[0]['raw'] = 'a swimming pool appears'

    root = write_pairs(edit=edit)
    every = build(root, split='val')
    clean = build(root, split='val', vocab_source='train')
    assert set(every.vocabulary.words) - set(clean.vocabulary.words) == {
        'swimming',
        'pool',
        'appears',
    }
    with pytest.raises(InputError, match="'all' or 'train'"):
        build(root, vocab_source='val')


def test_one_vocabulary_for_all_samples(write_pairs):
    dataset = build(write_pairs())
    first, second = (dataset.get_data_info(i)['vocabulary'] for i in (0, 1))
    assert first is second is dataset.vocabulary
    assert len(pickle.dumps(dataset.data_bytes)) < 4000  # no copies inside


def test_vocabulary_file(write_pairs):
    root = write_pairs()
    own = Vocabulary.build(['the scene is the same as before a house'] * 5)
    own.save(root / 'vocab.json')
    log = root / 'run.log'
    MMLogger.get_instance(str(root), log_file=str(log))
    with pytest.raises(InputError) as error:
        build(root, vocabulary='vocab.json')
    assert f'{root}/vocab.json: ' in str(error.value)
    assert "words of 'train' in" in str(error.value)
    with pytest.raises(InputError, match=r'gone\.json: no such vocabulary'):
        build(root, vocabulary='gone.json')
    common = [
        c
        for p in read_captions(root / 'LevirCCcaptions.json')
        for c in p.captions
    ]
    Vocabulary.build(common, 4).save(root / 'vocab.json')
    dataset = build(root, vocabulary='vocab.json', pipeline=TRAIN)
    assert dataset.metainfo['vocabulary'] == dataset.vocabulary.words
    line = log.read_text().splitlines()[-1]
    assert 'INFO' in line
    assert f"{root}/vocab.json: 2 of the 112 words of 'train' in" in line
    assert line.endswith(
        'not in the vocabulary (n0, n2); they are read as <UNK>'
    )


def test_too_high_a_count_says_so(write_pairs):
    with pytest.raises(InputError, match='at least 99 times.*lower min_count'):
        build(write_pairs(), min_count=99)


def test_list_of_images(write_pairs):
    root = write_pairs()
    (root / 'some.txt').write_text('train_000002.png\ntrain_000001.png\n')
    dataset = build(root, list_file='some.txt')
    ids = [dataset.get_data_info(i)['sample_id'] for i in range(2)]
    assert len(dataset) == 2
    assert ids == ['train_000002', 'train_000001']


def test_files_of_the_authors_tools(write_pairs):
    """Token files and a line for each caption, in place of the JSON."""
    root = write_pairs()
    pairs = read_captions(root / 'LevirCCcaptions.json')
    write_token_files(pairs, root / 'tokens')
    write_lists(pairs, root, per_caption=True)
    plain = build(root)
    dataset = build(
        root, ann_file='tokens', list_file='train.txt', pipeline=TRAIN
    )
    assert len(dataset) == 20
    assert dataset.vocabulary.words == plain.vocabulary.words
    decode = dataset.vocabulary.decode
    for k in range(5):
        sample = dataset[10 + k]['data_samples']
        assert decode(sample.gt_ids.tolist()) == sample.captions[k]
        unchanged = dataset[5 + k]['data_samples']
        assert decode(unchanged.gt_ids.tolist()) == (
            'the scene is the same as before'
        )


@pytest.mark.parametrize(
    'content, message',
    [
        ('', 'the list is empty'),
        ('val_000000.png', r"no pair val_000000\.png in the split 'train'"),
        ('train_000000.png-7', r'no pair train_000000\.png or no caption 7'),
    ],
)
def test_unfit_lists(content, message, write_pairs):
    root = write_pairs()
    (root / 'a.txt').write_text(content)
    with pytest.raises(InputError, match=message):
        build(root, list_file='a.txt')
    with pytest.raises(InputError, match='no such list of pairs'):
        build(root, list_file='b.txt')


def test_pairs_without_captions(write_pairs):
    root = write_pairs()
    dataset = ChangePairDataset(
        data_root=str(root / 'images'),
        data_prefix=dict(seg_map='{split}/label'),
        pipeline=[
            dict(type='LoadImagePair'),
            dict(type='LoadChangeMask'),
            dict(type='PackChangeInputs'),
        ],
    )
    assert len(dataset) == 4
    assert 'vocabulary' not in dataset.metainfo
    sample = dataset[0]['data_samples']
    assert sample.gt_mask.unique().tolist() == [0, 1, 2]
    assert 'captions' not in sample
    with pytest.raises(InputError, match='train_000000 has no captions'):
        ChangePairDataset(data_root=str(root / 'images'), pipeline=TRAIN)[0]


def test_own_classes_have_no_foreign_palette(write_pairs):
    dataset = build(
        write_pairs(),
        LEVIRMCIDataset,
        metainfo=dict(classes=('unchanged', 'changed')),
    )
    assert 'palette' not in dataset.metainfo


@pytest.mark.parametrize(
    'kind, first',
    [
        (LEVIRCCDataset, 'images/train/A'),
        (LEVIRMCIDataset, 'images/train/A'),
        (WHUCDCDataset, 'images/train/A'),
        (DubaiCCDataset, 'imgs_tiles/RGB/500_2000'),
    ],
)
def test_missing_data_says_how_to_get_it(kind, first, tmp_path):
    with pytest.raises(InputError) as error:
        build(tmp_path, kind)
    assert f'{tmp_path}/{first}: no such folder' in str(error.value)
    assert '; get ' in str(error.value)


def test_missing_parts(write_pairs):
    root = write_pairs()
    for name in ('train_000001.png', 'train_000003.png'):
        (root / 'images/train/B' / name).unlink()
    with pytest.raises(InputError) as error:
        build(root)
    assert '2 of its 4 files are not in' in str(error.value)
    assert 'train_000001.png, train_000003.png; copy' in str(error.value)
    assert "data_prefix=dict(img_b='...')" in str(error.value)
    (root / 'LevirCCcaptions.json').unlink()
    with pytest.raises(InputError, match='no such caption file; get LEVIR-CC'):
        build(root)


def test_unknown_split(write_pairs):
    root = write_pairs(splits=('train', 'test'))
    with pytest.raises(
        InputError, match="no pair of the split 'val', but 4 of 'train', 4 of"
    ):
        build(
            root,
            split='val',
            data_prefix=dict(img_a='images/test/A', img_b='images/test/B'),
        )


def test_folder_without_images(tmp_path):
    for folder in ('A', 'B'):
        (tmp_path / 'train' / folder).mkdir(parents=True)
    with pytest.raises(InputError, match='A: holds no images'):
        ChangePairDataset(data_root=str(tmp_path))


def test_bad_pair_is_skipped_in_training_alone(write_pairs):
    root = write_pairs(count=120)
    small = np.zeros((30, 64, 3), np.uint8)
    cv2.imwrite(str(root / 'images/train/B/train_000004.png'), small)
    dataset = build(root, pipeline=[dict(type='LoadImagePair')])
    loader = DataLoader(dataset, batch_size=8, collate_fn=list)
    assert sum(len(batch) for batch in loader) == 120
    cv2.imwrite(str(root / 'images/train/B/train_000005.png'), small)
    with pytest.raises(InputError) as error:
        list(loader)
    assert 'A/train_000004.png' in str(error.value)
    assert 'B/train_000004.png' in str(error.value)
    test = build(root, pipeline=[dict(type='LoadImagePair')], test_mode=True)
    with pytest.raises(BadImageError, match='64 x 30 px, but the earlier'):
        test[4]


def write_dubai(root, suffix='.tif'):
    """Write pairs of 50 px in the layout of DUBAI-CC."""
    rng = np.random.default_rng(0)
    captions = ['A road is built .', 'New buildings', 'Houses , roads']
    unchanged = ['Nothing has changed .', 'No change was made .']
    (root / 'description_jsontr_te_val').mkdir(parents=True)
    for split, total in (('Train', 300), ('Validation', 50), ('Test', 150)):
        images = []
        for i in range(2):
            name = f'{split}_{i}{suffix}'
            for year in ('2000', '2010'):
                folder = root / f'imgs_tiles/RGB/500_{year}'
                folder.mkdir(parents=True, exist_ok=True)
                pixels = rng.integers(0, 256, (50, 50, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(
                    folder / name.replace('2000', year)
                )
            raws = unchanged if i else captions
            images.append(
                dict(filename=name, sentences=[dict(raw=raw) for raw in raws])
            )
        path = root / f'description_jsontr_te_val/{split}_{total}.json'
        path.write_text(json.dumps(dict(images=images)))
    return root


@pytest.mark.parametrize('suffix', ['.tif', '_2000.tif'])
def test_dubai(suffix, tmp_path):
    root = write_dubai(tmp_path, suffix)
    dataset = build(root, DubaiCCDataset, split='val', pipeline=TRAIN)
    assert len(dataset) == 2
    info = dataset.get_data_info(0)
    assert info['img_path'][1].endswith(
        f'500_2010/Validation_0{suffix.replace("2000", "2010")}'
    )
    assert info['has_change']
    assert not dataset.get_data_info(1)['has_change']
    assert 'Nothing' in dataset.vocabulary
    assert dataset[0]['inputs']['img_a'].shape == (3, 50, 50)


def test_whu_masks_of_one_bit(write_pairs):
    root = write_pairs(ann_file='whuCCcaptions.json')
    for path in (root / 'images').rglob('label/*.png'):
        mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) > 0
        Image.fromarray(mask).save(path)
    dataset = build(
        root,
        WHUCDCDataset,
        pipeline=[
            dict(type='LoadImagePair'),
            dict(type='LoadChangeMask', label_map={0: 0, 255: 1}),
        ],
    )
    assert np.unique(dataset[0]['gt_seg_map']).tolist() == [0, 1]
    assert dataset.metainfo['classes'] == ('unchanged', 'building')


CLIP = 'rscama/rscama_clip-vit-b-32_1xb64-80e_levir-cc-224x224'
PSEUDO = 'pix4cap/pix4cap_mit-b1_1xb64-100e_levir-cc-256x256'
WHU_CDC = '_base_/datasets/whu_cdc'
CONFIGS = {
    '_base_/datasets/levir_cc': (LEVIRCCDataset, 48, False),
    CLIP: (LEVIRCCDataset, 224, False),
    PSEUDO: (LEVIRCCDataset, 48, True),
    '_base_/datasets/levir_mci': (LEVIRMCIDataset, 48, True),
    WHU_CDC: (WHUCDCDataset, 48, True),
    '_base_/datasets/dubai_cc': (DubaiCCDataset, 256, False),
}


@pytest.mark.parametrize('name', CONFIGS)
def test_configs_read_the_published_layouts(
    name, tmp_path, write_pairs, repo_root
):
    kind, height, has_mask = CONFIGS[name]
    if kind is DubaiCCDataset:
        root = write_dubai(tmp_path)
    else:
        root = write_pairs(ann_file=kind.ANN_FILE)
    for path in tmp_path.rglob('label/*.png'):
        if name in (WHU_CDC, PSEUDO):
            cv2.imwrite(str(path), cv2.imread(str(path), 0) // 128 * 255)
        if name == PSEUDO:
            (path.parents[1] / 'pseudo').mkdir(exist_ok=True)
            path.rename(path.parents[1] / 'pseudo' / path.name)
    cfg = Config.fromfile(repo_root / f'configs/{name}.py')
    for split in ('train', 'val', 'test'):
        settings = cfg[f'{split}_dataloader'].dataset
        settings.update(data_root=str(root), min_count=1)
        assert settings.get('split') == split
        dataset = DATASETS.build(settings)
        assert type(dataset) is kind
        sample = dataset[0]['data_samples']
        assert ('gt_ids' in sample) == (split == 'train')
        assert len(sample.captions) >= 2
        if split == 'train' or name != PSEUDO:
            assert ('gt_mask' in sample) == has_mask
    loader = cfg.train_dataloader
    loader.update(num_workers=1, batch_size=2)
    batch = next(iter(Runner.build_dataloader(loader, seed=0)))
    assert [len(batch['inputs'][k]) for k in ('img_a', 'img_b')] == [2, 2]
    assert batch['inputs']['img_b'][0].shape[1] == height
    assert len(cfg.data_preprocessor.mean) == 3
