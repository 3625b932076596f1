import json
import re

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmrs.datasets import LEVIRCCDataset
from mmrs.errors import InputError
from mmrs.registry import MODELS

MAKE = 'tools/pseudo_labels/make_change_pseudo_labels.py'
SCORE = 'tools/pseudo_labels/score_pseudo_labels.py'
TEACHER = """
default_scope = 'mmrs'
model = dict(
    type='ChangeInterpreter',
    data_preprocessor=dict(
        type='ChangeDataPreprocessor', mean=[120] * 3, std=[60] * 3
    ),
    backbone=dict(
        type='MiTBackbone',
        arch=dict(dims=(4, 8, 8, 8), depths=(1,) * 4, heads=(1,) * 4),
    ),
    mask_neck=dict(type='KeepMaps'),
    mask_head=dict(
        type='MCIMaskHead', in_channels=(4, 8, 8, 8), num_classes=2
    ),
)
test_dataloader = dict(
    dataset=dict(
        type='LEVIRMCIDataset',
        pipeline=[
            dict(type='LoadImagePair'),
            dict(type='LoadChangeMask'),
            dict(type='PackChangeInputs'),
        ],
    )
)
"""


@pytest.fixture
def root(tmp_path):
    """Three pairs for training and two for the test, of 32 x 32 pixels."""
    rng = np.random.default_rng(0)
    root = tmp_path / 'data' / 'LEVIR-CC'
    for split, count in (('train', 3), ('test', 2)):
        for i in range(count):
            for date in 'AB':
                folder = root / 'images' / split / date
                folder.mkdir(parents=True, exist_ok=True)
                pixels = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
                cv2.imwrite(str(folder / f'{split}_{i}.png'), pixels)
    return root


@pytest.fixture
def teacher(tmp_path):
    """A config and a checkpoint of a network that sees change at places."""
    config = tmp_path / 'teacher.py'
    config.write_text(TEACHER)
    init_default_scope('mmrs')
    torch.manual_seed(0)
    model = MODELS.build(Config.fromfile(config).model)
    weights = model.state_dict()
    weights['mask_head.classify.1.weight'] *= 40
    torch.save(dict(state_dict=weights), tmp_path / 'teacher.pth')
    return config, tmp_path / 'teacher.pth'


def written(root):
    files = [*root.glob('images/*/pseudo*/*'), *root.glob('*.json')]
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(files)
    }


def read(path):
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def test_labels_are_written_and_read(main_of, root, teacher, capsys):
    main_of(MAKE, *teacher, root, '--device', 'cpu')
    assert 'train: 3 pairs, 3 of them new' in capsys.readouterr().out
    meta = json.loads((root / 'pseudo_meta.json').read_text())
    assert meta['teacher'] == 'teacher'
    assert meta['data_set'] == 'LEVIR-CC'
    assert re.fullmatch('[0-9a-f]{64}', meta['weights_sha256'])
    assert meta['views'] == ['identity', 'hflip', 'vflip', 'rot90']
    assert set(meta['splits']) == {'train', 'test'}
    shares = []
    for i in range(3):
        folder = root / 'images' / 'train'
        mask = read(folder / 'pseudo' / f'train_{i}.png')
        prob = read(folder / 'pseudo_prob' / f'train_{i}.png')
        assert mask.shape == prob.shape == (32, 32)
        assert mask.dtype == prob.dtype == np.uint8
        assert len(np.unique(prob)) > 10
        assert np.array_equal(
            mask[prob != 127], (prob[prob != 127] > 127) * 255
        )
        shares.append((mask == 255).mean())
    assert 0 < np.mean(shares) < 1
    found = meta['splits']['train']
    assert found['pairs'] == 3
    assert found['changed_pixels'] == pytest.approx(np.mean(shares), abs=1e-6)
    dataset = LEVIRCCDataset(
        ann_file='',
        data_root=str(root),
        split='test',
        data_prefix=dict(pseudo='images/{split}/pseudo'),
        pipeline=[dict(type='LoadPseudoMask', clean=False)],
    )
    assert set(np.unique(dataset[0]['gt_seg_map'])) <= {0, 1}


def test_another_run_writes_the_same_bytes(main_of, root, teacher):
    main_of(MAKE, *teacher, root, '--device', 'cpu')
    first = written(root)
    for path in root.glob('images/*/pseudo*/*'):
        path.unlink()
    (root / 'pseudo_meta.json').unlink()
    main_of(MAKE, *teacher, root, '--device', 'cpu')
    assert written(root) == first


def test_a_broken_run_goes_on(main_of, root, teacher, capsys):
    main_of(MAKE, *teacher, root, '--device', 'cpu')
    whole = written(root)
    kept = root / 'images' / 'train' / 'pseudo' / 'train_0.png'
    before = kept.stat().st_mtime_ns
    (root / 'images/train/pseudo_prob/train_1.png').unlink()
    (root / 'images/train/pseudo/train_2.png').unlink()
    capsys.readouterr()
    main_of(MAKE, *teacher, root, '--device', 'cpu', '--splits', 'train')
    assert 'train: 3 pairs, 2 of them new' in capsys.readouterr().out
    assert kept.stat().st_mtime_ns == before
    assert written(root) == whole


def test_other_teachers_need_another_name(main_of, root, teacher):
    one = [MAKE, *teacher, root, '--device', 'cpu', '--splits', 'train']
    main_of(*one)
    first = written(root)
    with pytest.raises(InputError, match='threshold=0.5, but now it is 0.4'):
        main_of(*one, '--threshold', '0.4')
    assert written(root) == first
    main_of(*one, '--no-tta', '--name', 'pseudo_b')
    folder = root / 'images' / 'train'
    a = read(folder / 'pseudo_prob' / 'train_0.png')
    b = read(folder / 'pseudo_b_prob' / 'train_0.png')
    assert (a != b).any()
    meta = json.loads((root / 'pseudo_b_meta.json').read_text())
    assert (meta['views'], meta['both_orders']) == (['identity'], False)


def test_labels_are_replaced_when_asked_for(main_of, root, teacher):
    one = [MAKE, *teacher, root, '--device', 'cpu', '--splits', 'train']
    main_of(*one)
    first = written(root)
    main_of(*one, '--threshold', '0.9', '--overwrite')
    second = written(root)
    assert second.keys() == first.keys()
    assert json.loads(second['pseudo_meta.json'])['threshold'] == 0.9
    for name in first:
        if 'pseudo_prob' in name:
            assert second[name] == first[name]
    means = [read(p).mean() for p in root.glob('images/train/pseudo/*')]
    main_of(*one, '--overwrite')
    assert written(root) == first
    again = [read(p).mean() for p in root.glob('images/train/pseudo/*')]
    assert sum(means) < sum(again)


def test_images_are_prepared_as_for_a_test(main_of, root, teacher):
    config, _ = teacher
    resize = "dict(type='Resize', scale=(64, 64))"
    config.write_text(
        TEACHER.replace(
            "dict(type='LoadChangeMask')",
            f"dict(type='BiTemporal', transforms=[{resize}]),"
            "dict(type='LoadChangeMask')",
        )
    )
    one = [MAKE, *teacher, root, '--device', 'cpu', '--splits', 'train']
    main_of(*one)
    config.write_text(TEACHER)
    main_of(*one, '--name', 'plain')
    a, b = (
        read(root / f'images/train/{name}_prob/train_0.png')
        for name in ('pseudo', 'plain')
    )
    assert a.shape == b.shape == (32, 32)
    assert (a != b).any()


def test_wrong_input_is_told(main_of, root, teacher, tmp_path):
    config, weights = teacher
    with pytest.raises(InputError, match='images/val: no such folder'):
        main_of(MAKE, config, weights, root, '--splits', 'val')
    with pytest.raises(InputError, match='no such folder'):
        main_of(MAKE, config, weights, tmp_path)
    with pytest.raises(InputError, match='--threshold 1.5'):
        main_of(MAKE, config, weights, root, '--threshold', '1.5')
    with pytest.raises(InputError, match='draws no masks'):
        words = ['--cfg-options', 'model.mask_head=None']
        main_of(MAKE, config, weights, root, *words)


@pytest.fixture
def scored(tmp_path):
    """Labels of four pairs beside masks, and what captions say of them."""
    root = tmp_path / 'LEVIR-MCI'
    folder = root / 'images' / 'train'
    for name in ('A', 'B', 'label', 'pseudo', 'pseudo_prob'):
        (folder / name).mkdir(parents=True)
    truth = np.zeros((4, 8, 8), np.uint8)
    label = np.zeros_like(truth)
    truth[0, :4] = 255  # 32 px of buildings; 24 of them seen, and 8 more
    truth[0, 6:] = 128
    label[0, 1:5] = 1
    label[1, 0, :4] = 1  # nothing changed here
    truth[2, :, 0] = 255  # missed
    truth[3, :, :2] = 128  # a road, taken for a building
    label[3, :, :1] = 1
    told = [
        'a house is built',
        'the scene is the same as before',
        'a villa appears',
        'a road is built',
    ]
    images = []
    for i in range(4):
        name = f'train_{i}.png'
        for date in 'AB':
            pixels = np.zeros((8, 8, 3), np.uint8)
            cv2.imwrite(str(folder / date / name), pixels)
        cv2.imwrite(str(folder / 'label' / name), truth[i])
        cv2.imwrite(str(folder / 'pseudo' / name), label[i] * 255)
        prob = np.where(label[i], 230, 20)
        prob[7, 7] = 120
        cv2.imwrite(str(folder / 'pseudo_prob' / name), prob)
        images.append(
            dict(
                filename=name,
                split='train',
                sentences=[dict(raw=f' {told[i]} .')] * 5,
            )
        )
    captions = root / 'LevirCCcaptions.json'
    captions.write_text(json.dumps(dict(images=images)))
    return root


def scores_of(main_of, tmp_path, *words):
    out = tmp_path / 'scores.json'
    main_of(SCORE, *words, '--out', out)
    return json.loads(out.read_text())


def test_labels_are_scored_before_and_after_cleaning(
    main_of, scored, tmp_path, capsys
):
    found = scores_of(main_of, tmp_path, scored)['train']
    # seen 24; told 32 + 4 + 8; true 32 + 8
    assert found['raw']['iou'] == pytest.approx(24 / (44 + 40 - 24))
    assert found['raw']['precision'] == pytest.approx(24 / 44)
    assert found['raw']['recall'] == pytest.approx(24 / 40)
    assert found['raw']['f1'] == pytest.approx(48 / 84)
    assert found['raw']['ignored'] == 0
    # The unchanged pair becomes 0; the missed one and the road are ignored.
    assert found['clean']['iou'] == pytest.approx(24 / (32 + 32 - 24))
    assert found['clean']['ignored'] == 0.5
    assert 'train   clean        60.00%' in capsys.readouterr().out


def test_other_classes_and_doubtful_pixels(main_of, scored, tmp_path):
    words = ['--classes', 'road', 'building', '--ignore-band', '0.3', '0.7']
    found = scores_of(main_of, tmp_path, scored, *words)['train']
    # seen 24 + 8; told 44; true 32 + 16 + 8 + 16
    assert found['raw']['iou'] == pytest.approx(32 / (44 + 72 - 32))
    # Now the road is told of, and a pixel of each changed pair is doubtful.
    assert found['clean']['ignored'] == pytest.approx((64 + 2) / 256)
    assert found['clean']['precision'] == pytest.approx(32 / 40)
    assert found['clean']['recall'] == pytest.approx(32 / (48 - 1 + 16))


def test_masks_may_be_in_another_folder(main_of, scored, tmp_path, capsys):
    other = tmp_path / 'labels'
    (other / 'images' / 'train').mkdir(parents=True)
    source = scored / 'images' / 'train' / 'label'
    source.rename(other / 'images' / 'train' / 'label')
    (scored / 'LevirCCcaptions.json').unlink()
    found = scores_of(main_of, tmp_path, scored, '--labels', other)['train']
    assert set(found) == {'raw'}
    assert found['raw']['recall'] == pytest.approx(24 / 40)
    assert 'not cleaned' in capsys.readouterr().out


def test_labels_that_are_not_there_are_told(main_of, scored):
    with pytest.raises(InputError, match='images/test/pseudo: no such'):
        main_of(SCORE, scored, '--splits', 'test')
    with pytest.raises(InputError, match='make_change_pseudo_labels'):
        main_of(SCORE, scored, '--name', 'other')
