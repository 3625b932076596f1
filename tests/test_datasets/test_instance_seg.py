import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from mmrs.datasets import (
    InstanceSegDataset,
    NWPUInsSegDataset,
    SSDDInsSegDataset,
    WHUInsSegDataset,
)
from mmrs.errors import BadImageError, InputError
from mmrs.registry import DATASETS

PIPELINE = [
    dict(type='mmrs.LoadRSImage'),
    dict(type='mmdet.LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='mmdet.PackDetInputs'),
]
CLASSES = ('ship', 'tank')


def build(root, **kwargs) -> InstanceSegDataset:
    settings = dict(
        data_root=str(root),
        ann_file='ann.json',
        data_prefix=dict(img='imgs/'),
        metainfo=dict(classes=CLASSES),
        pipeline=PIPELINE,
    )
    return InstanceSegDataset(**(settings | kwargs))


@pytest.fixture
def write(tmp_path, write_coco):
    """Return a function that writes `count` images of the classes above."""

    def write(count=4, edit=None) -> Path:
        names = [f'{i:03d}.jpg' for i in range(count)]
        return write_coco(tmp_path, 'ann.json', 'imgs', CLASSES, names, edit)

    return write


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def cut_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20])


def test_reads_images_boxes_and_masks(tmp_path, write):
    coco = json.loads(write().read_text())
    sample = build(tmp_path)[1]
    found = sample['data_samples'].gt_instances
    x, y, width, height = coco['annotations'][1]['bbox']
    assert sample['inputs'].shape == (3, 48, 64)
    assert found.bboxes.tensor.tolist() == [[x, y, x + width, y + height]]
    assert found.labels.tolist() == [1]
    expected = np.zeros((48, 64), np.uint8)
    expected[y : y + height, x : x + width] = 1
    # pycocotools rasterises corners as the outer edges of pixels
    np.testing.assert_array_equal(found.masks.masks[0], expected)


@pytest.mark.parametrize(
    'name, dataset, splits',
    [
        ('nwpu', NWPUInsSegDataset, dict(train='imgs', val='imgs')),
        ('ssdd', SSDDInsSegDataset, dict(train='imgs', val='imgs')),
        (
            'whu',
            WHUInsSegDataset,
            {s: f'imgs/{s}/image' for s in ('train', 'val', 'test')},
        ),
    ],
)
def test_base_configs_read_the_published_layouts(
    name, dataset, splits, tmp_path, write_coco, repo_root
):
    cfg = Config.fromfile(
        repo_root / f'configs/_base_/datasets/{name}_instance.py'
    )
    classes = dataset.METAINFO['classes']
    stem = 'WHU_building' if name == 'whu' else f'{name.upper()}_instances'
    for split, folder in splits.items():
        names = [f'{split}_{i}.tif' for i in range(2 if split == 'val' else 3)]
        ann_file = f'annotations/{stem}_{split}.json'
        write_coco(tmp_path, ann_file, folder, classes, names)
    init_default_scope('mmrs')
    sizes = {}
    for split in ('train', 'val', 'test'):
        settings = cfg[f'{split}_dataloader'].dataset
        settings.data_root = str(tmp_path)
        built = DATASETS.build(settings)
        assert type(built) is dataset
        sizes[split] = len(built)
        height, width = built[0]['inputs'].shape[1:]
        if split == 'train':  # jittered, then cut
            assert max(height, width) <= 1024
        else:  # keeps its shape, and is not padded
            assert (height, width) == (768, 1024)
            meta = built[0]['data_samples'].metainfo
            assert meta['img_shape'] == (768, 1024)
            assert meta['ori_shape'] == (48, 64)
    assert sizes == dict(train=3, val=2, test=3 if name == 'whu' else 2)


def test_palettes_have_a_color_for_each_class():
    for dataset in (NWPUInsSegDataset, SSDDInsSegDataset, WHUInsSegDataset):
        meta = dataset.METAINFO
        assert len(set(meta['palette'])) == len(meta['classes'])


def test_own_classes_drop_the_palette(tmp_path, write):
    write()
    built = NWPUInsSegDataset(
        data_root=str(tmp_path),
        ann_file='ann.json',
        data_prefix=dict(img='imgs/'),
        metainfo=dict(classes=CLASSES),
    )
    assert built.metainfo == dict(classes=CLASSES)


def test_missing_annotation_file_says_how_to_get_the_data():
    with pytest.raises(InputError) as error:
        NWPUInsSegDataset(ann_file='nowhere/ann.json')
    first_line = str(error.value).splitlines()[0]
    assert first_line.startswith('nowhere/ann.json: no such annotation file')
    assert 'make_synthetic.py --layout nwpu' in first_line
    assert 'split_coco.py' in first_line


@pytest.mark.parametrize(
    'text, message',
    [
        ('', r'ann\.json: empty'),
        ('hello', r'ann\.json: not a JSON file'),
        ('[]', 'no list of images, annotations, categories'),
        ('{"images": []}', 'no list of annotations, categories'),
    ],
)
def test_unusable_annotation_file(text, message, tmp_path):
    (tmp_path / 'ann.json').write_text(text)
    with pytest.raises(InputError, match=message):
        build(tmp_path)


@pytest.mark.parametrize(
    'edit, message',
    [
        (lambda c: c['images'].clear(), 'holds no images'),
        (lambda c: c['annotations'].clear(), 'holds no annotations'),
        (
            lambda c: c['images'][2].pop('height'),
            r'entry of images \(id 2\) has no height',
        ),
        (
            lambda c: c['annotations'][0].pop('area'),
            r'entry of annotations \(id 1\) has no area',
        ),
        (
            lambda c: c['annotations'][1].update(segmentation=[]),
            'annotation 2 has no mask',
        ),
        (
            lambda c: c['annotations'][1].update(image_id=77),
            'annotation 2 is on image 77, not in the file',
        ),
        (
            lambda c: c['annotations'][3].update(category_id=9),
            'annotation 4 is of category 9, not in the file',
        ),
    ],
)
@pytest.mark.parametrize('test_mode', [False, True])
def test_broken_records(edit, message, test_mode, tmp_path, write):
    path = write(edit=edit)
    with pytest.raises(InputError, match=message) as error:
        build(tmp_path, test_mode=test_mode)
    assert str(error.value).startswith(str(path))


def test_other_categories_name_both_lists_and_the_fix(tmp_path, write):
    write()
    with pytest.raises(InputError) as error:
        build(tmp_path, metainfo=dict(classes=('ship', 'plane')))
    message = str(error.value)
    assert "its categories are ('ship', 'tank')" in message
    assert "are ('ship', 'plane')" in message
    assert "metainfo=dict(classes=('ship', 'tank'))" in message


def test_categories_in_another_order_are_an_error(tmp_path, write):
    """Mmdet would number them as the file does and name them as we do."""
    write()
    with pytest.raises(InputError, match='categories'):
        build(tmp_path, metainfo=dict(classes=CLASSES[::-1]))


def test_missing_images_are_counted_and_named(tmp_path, write):
    write(count=8)
    for i in range(1, 8):
        (tmp_path / f'imgs/{i:03d}.jpg').unlink()
    with pytest.raises(InputError) as error:
        build(tmp_path)
    message = str(error.value)
    assert '7 of its 8 images are not in' in message
    assert '001.jpg, 002.jpg, 003.jpg, 004.jpg, 005.jpg, ...' in message


def test_missing_image_folder(tmp_path, write):
    write()
    with pytest.raises(InputError, match='4 of its 4 images are not in'):
        build(tmp_path, data_prefix=dict(img='pictures/'))


def test_images_in_subfolders_are_found(tmp_path, write):
    def move(coco):
        for image in coco['images']:
            image['file_name'] = 'a/' + image['file_name']

    write(edit=move)
    (tmp_path / 'imgs').rename(tmp_path / 'a')
    (tmp_path / 'imgs').mkdir()
    (tmp_path / 'a').rename(tmp_path / 'imgs/a')
    assert len(build(tmp_path)) == 4


def test_size_mismatch_is_found_at_build_time(tmp_path, write):
    write(edit=lambda c: c['images'][3].update(width=65))
    with pytest.raises(InputError) as error:
        build(tmp_path)
    message = str(error.value)
    assert '003.jpg: is 64 x 48 px' in message
    assert 'says 65 x 48' in message


def test_size_mismatch_beyond_the_sample_is_found_on_loading(tmp_path, write):
    # 64 headers of 200 are read at build time; the second is not among them
    write(200, edit=lambda c: c['images'][1].update(height=50))
    dataset = build(tmp_path, test_mode=True)
    dataset[0]
    with pytest.raises(BadImageError, match=r'001\.jpg: is 64 x 48 px'):
        dataset[1]


def test_images_without_objects(tmp_path, write):
    write(edit=lambda c: c['annotations'].pop())
    tested = build(tmp_path, test_mode=True)
    assert len(tested) == 4
    assert len(tested[3]['data_samples'].gt_instances) == 0
    filter_cfg = dict(filter_empty_gt=True)
    assert len(build(tmp_path, filter_cfg=filter_cfg)) == 3


def test_a_filter_that_leaves_nothing_is_an_error(tmp_path, write):
    write()
    with pytest.raises(InputError, match=r"'min_size': 100.* leaves no image"):
        build(tmp_path, filter_cfg=dict(min_size=100))


def test_bad_image_in_test_mode_is_an_error(tmp_path, write):
    write()
    truncate(tmp_path / 'imgs/002.jpg')
    dataset = build(tmp_path, test_mode=True)
    with pytest.raises(BadImageError, match=r'002\.jpg: .*truncated'):
        dataset[2]


@pytest.mark.parametrize('damage', [truncate, cut_header])
@pytest.mark.parametrize('num_workers', [0, 2])
def test_training_skips_one_bad_image(num_workers, damage, tmp_path, write):
    write(100)
    damage(tmp_path / 'imgs/042.jpg')
    log = tmp_path / 'run.log'
    MMLogger.get_instance(str(tmp_path), log_file=str(log))
    loader = DataLoader(
        build(tmp_path), batch_size=4, num_workers=num_workers, collate_fn=list
    )
    for _ in range(3):  # new workers each time, as in training
        seen = [s['data_samples'].img_path for batch in loader for s in batch]
        assert len(seen) == 100
        assert not any('042.jpg' in path for path in seen)
    lines = log.read_text().splitlines()
    assert len(lines) == 1
    assert 'skipped in training' in lines[0]
    assert 'imgs/042.jpg: ' in lines[0]


@pytest.mark.parametrize('num_workers', [0, 2])
def test_training_stops_at_more_than_one_percent(num_workers, tmp_path, write):
    write(100)
    for i in (3, 10):  # of two different workers
        truncate(tmp_path / f'imgs/{i:03d}.jpg')
    loader = DataLoader(
        build(tmp_path), batch_size=4, num_workers=num_workers, collate_fn=list
    )
    with pytest.raises(InputError) as error:
        list(loader)
    message = str(error.value)
    assert '2 of the 100 images' in message
    assert 'more than 1%' in message
    assert all(f'{i:03d}.jpg' in message for i in (3, 10))


def test_real_nwpu(shared_data):
    """The real files load, and their objects are the published ones."""
    root = shared_data / 'nwpu_vhr10'
    for split, images, objects in (('train', 440, 2748), ('val', 110, 639)):
        dataset = NWPUInsSegDataset(
            data_root=str(root),
            ann_file=f'annotations/instances_{split}.json',
            data_prefix=dict(img='images/'),
            pipeline=PIPELINE,
            test_mode=split == 'val',
        )
        infos = [dataset.get_data_info(i) for i in range(len(dataset))]
        assert len(infos) == images
        assert sum(len(info['instances']) for info in infos) == objects
        sample = dataset[0]
        assert sample['inputs'].shape[0] == 3
        assert len(sample['data_samples'].gt_instances) == len(
            infos[0]['instances']
        )


def test_loader_of_the_base_config_runs(tmp_path, write_coco, repo_root):
    cfg = Config.fromfile(
        repo_root / 'configs/_base_/datasets/nwpu_instance.py'
    )
    write_coco(
        tmp_path,
        'annotations/NWPU_instances_train.json',
        'imgs',
        NWPUInsSegDataset.METAINFO['classes'],
        [f'{i}.jpg' for i in range(4)],
    )
    init_default_scope('mmrs')
    cfg.train_dataloader.dataset.data_root = str(tmp_path)
    cfg.train_dataloader.num_workers = 2
    loader = Runner.build_dataloader(cfg.train_dataloader, seed=0)
    batches = list(loader)
    assert len(batches) == 2
    for batch in batches:
        for image, sample in zip(batch['inputs'], batch['data_samples']):
            assert image.shape[1:] == sample.img_shape
            assert len(sample.gt_instances) == 1


def test_cv2_and_data_set_agree_on_colors(tmp_path, write):
    """The model's preprocessor expects what mmcv reads: BGR."""
    write()
    blue = np.zeros((48, 64, 3), np.uint8)
    blue[..., 0] = 255
    cv2.imwrite(str(tmp_path / 'imgs/000.png'), blue)
    (tmp_path / 'imgs/000.png').rename(tmp_path / 'imgs/000.jpg')
    assert build(tmp_path)[0]['inputs'][:, 0, 0].tolist() == [255, 0, 0]
